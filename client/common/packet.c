// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper.h"
#include "packet.h"

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int) * KEEPER_FDS) + CMSG_SPACE(sizeof(struct ucred))];
};

/* As the kernel fills the room with fds where the other end sends more, and no credentials. */
#define FDS_MAX (sizeof(union control) / sizeof(int))

/* A holder of the other copies may have made the socket non-blocking for all. */
static void wait_until(int socket, short events)
{
	struct pollfd poller = { .fd = socket, .events = events };

	(void)poll(&poller, 1, -1);
}

static int send_flags(int socket, const void *data, size_t size, const int *fds, size_t count,
		      int flags)
{
	struct iovec vector = { (void *)data, size };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	union control control = { 0 };

	if (count > KEEPER_FDS)
		return -EINVAL;
	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * count);
	}
	while (sendmsg(socket, &message, MSG_NOSIGNAL | flags) < 0) {
		if (errno == EAGAIN && !(flags & MSG_DONTWAIT))
			wait_until(socket, POLLOUT);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int packet_send(int socket, const void *data, size_t size, const int *fds, size_t count)
{
	return send_flags(socket, data, size, fds, count, 0);
}

int packet_send_now(int socket, const void *data, size_t size, const int *fds, size_t count)
{
	return send_flags(socket, data, size, fds, count, MSG_DONTWAIT);
}

/* ATTACK: it is the sender who says how many there are. */
static size_t fds_take(struct msghdr *message, int fds[FDS_MAX])
{
	size_t count = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
			count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(part), sizeof(int) * count);
		}
	return count;
}

static pid_t sender_of(struct msghdr *message)
{
	struct ucred sender = { 0 };

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS)
			memcpy(&sender, CMSG_DATA(part), sizeof(sender));
	return sender.pid;
}

static int receive(int socket, struct packet *packet, int flags)
{
	/* one more byte: a packet that is too long is seen to be */
	char rest;
	struct iovec vector[] = { { packet->data, packet->size }, { &rest, 1 } };
	union control control;
	struct msghdr message = { .msg_iov = vector,
				  .msg_iovlen = 2,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int got[FDS_MAX];
	size_t number;
	ssize_t n;

	while ((n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags)) < 0) {
		if (errno == EAGAIN && !(flags & MSG_DONTWAIT))
			wait_until(socket, POLLIN);
		else if (errno != EINTR)
			return errno == ECONNRESET ? -ENOTCONN : -errno;
	}
	number = fds_take(&message, got);
	if ((size_t)n != packet->size || message.msg_flags & MSG_CTRUNC || number > packet->count) {
		packet_close_fds(got, number);
		if ((size_t)n == packet->size && message.msg_flags & MSG_CTRUNC)
			return -EMFILE;
		return n ? -EBADMSG : -ENOTCONN;
	}
	if (number)
		memcpy(packet->fds, got, sizeof(int) * number);
	packet->count = number;
	packet->sender = sender_of(&message);
	return 0;
}

int packet_receive(int socket, void *data, size_t size, int *fds, size_t *count)
{
	struct packet packet = { data, size, fds, *count };
	int r = receive(socket, &packet, 0);

	*count = packet.count;
	return r;
}

int packet_receive_now(int socket, struct packet *packet)
{
	return receive(socket, packet, MSG_DONTWAIT);
}

void packet_close_fds(int *fds, size_t count)
{
	int error = errno;

	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	errno = error;
}
