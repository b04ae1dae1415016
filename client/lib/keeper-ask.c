// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cgroup-events.h"
#include "keeper-ask.h"
#include "owned.h"
#include "packet.h"

void keeper_reply_clean(struct keeper_reply *reply)
{
	packet_close_fds(reply->fds, reply->count);
	reply->count = 0;
}

void keeper_info_clean(struct keeper_info *info)
{
	owned_fd_close(&info->first);
	owned_fd_close(&info->cgroup);
}

int conversation_open(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

static int option(int socket, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(socket, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

bool is_conversation(int fd)
{
	return option(fd, SO_DOMAIN) == AF_UNIX && option(fd, SO_TYPE) == SOCK_SEQPACKET;
}

/* What looks like one; whether there is a keeper is seen by its answer. */
static int check_container(int fd)
{
	if (fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	return is_conversation(fd) ? 0 : -ENOTTY;
}

/* A keeper answers at once. One that does not is stopped, or is none. */
#define ASK_MS 10000

/* -ETIMEDOUT. What else there is to say of the socket, its next use says. */
static int socket_wait(int socket, short events, int64_t deadline)
{
	struct pollfd poller = { .fd = socket, .events = events };
	int r;

	while ((r = poll(&poller, 1, deadline_left(deadline))) < 0)
		if (errno != EINTR)
			return -errno;
	return r ? 0 : -ETIMEDOUT;
}

/* How full it is poll() does not say of the other end: so it looks again, now and then. */
static int request_send(int container, const struct keeper_request *request, const int *fds,
			size_t count)
{
	int64_t deadline = deadline_in(ASK_MS);
	int r;

	while ((r = packet_send_now(container, request, sizeof(*request), fds, count)) == -EAGAIN) {
		if (!deadline_left(deadline))
			return -ETIMEDOUT;
		(void)poll(NULL, 0, 10);
	}
	return r == -EPIPE || r == -ECONNRESET ? -ENOTCONN : r;
}

int keeper_ask_open(int container, const struct keeper_request *request, const int *arguments,
		    size_t count)
{
	owned_fd int mine = -1;
	owned_fd int its = -1;
	int ends[2], fds[1 + KEEPER_ARGUMENTS], r;

	r = check_container(container);
	if (r >= 0)
		r = conversation_open(ends);
	if (r < 0)
		return r;
	mine = ends[0];
	its = ends[1];
	fds[0] = its;
	for (size_t i = 0; i < count; i++)
		fds[1 + i] = arguments[i];
	r = request_send(container, request, fds, 1 + count);
	return r < 0 ? r : owned_fd_give(&mine);
}

int keeper_ask_next(int conversation, struct keeper_reply *reply)
{
	int r;

	reply->count = KEEPER_FDS;
	r = socket_wait(conversation, POLLIN, deadline_in(ASK_MS));
	if (r >= 0)
		r = packet_receive(conversation, &reply->answer, sizeof(reply->answer), reply->fds,
				   &reply->count);
	if (r < 0)
		reply->count = 0;
	else
		r = reply->answer.error;
	return r < 0 ? r : 0;
}

int keeper_ask(int container, const struct keeper_request *request, int argument,
	       struct keeper_reply *reply)
{
	owned_fd int conversation =
		keeper_ask_open(container, request, &argument, argument < 0 ? 0 : 1);

	reply->count = 0;
	return conversation < 0 ? conversation : keeper_ask_next(conversation, reply);
}

int keeper_ask_done(int container, const struct keeper_request *request, int argument)
{
	owned_reply struct keeper_reply reply = { 0 };

	return keeper_ask(container, request, argument, &reply);
}

int keeper_ask_fd(int container, const struct keeper_request *request, int argument)
{
	owned_reply struct keeper_reply reply = { 0 };
	int r = keeper_ask(container, request, argument, &reply);

	if (r < 0)
		return r;
	return reply.count ? owned_fd_give(&reply.fds[0]) : -EBADMSG;
}

int keeper_request_text(struct keeper_request *request, const char *text)
{
	if (!text || !*text)
		return -EINVAL;
	if (strlen(text) >= sizeof(request->text))
		return -ENAMETOOLONG;
	strncpy(request->text, text, sizeof(request->text) - 1);
	return 0;
}

int keeper_ask_info(int container, const struct keeper_request *request, struct keeper_info *info)
{
	owned_reply struct keeper_reply reply = { 0 };
	size_t next = 0;
	int r;

	info->first = info->cgroup = -1;
	r = keeper_ask(container, request, -1, &reply);
	if (r < 0)
		return r;
	if (reply.answer.value & KEEPER_INFO_FIRST && next < reply.count)
		info->first = owned_fd_give(&reply.fds[next++]);
	if (reply.answer.value & KEEPER_INFO_CGROUP && next < reply.count)
		info->cgroup = owned_fd_give(&reply.fds[next++]);
	snprintf(info->name, sizeof(info->name), "%.63s", reply.answer.text);
	return 0;
}

int keeper_info(int container, struct keeper_info *info)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_INFO };

	return keeper_ask_info(container, &request, info);
}
