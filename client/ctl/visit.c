// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "pairs.h"
#include "visit.h"

#ifndef SO_PASSRIGHTS /* Linux 6.16 */
#define SO_PASSRIGHTS 83
#endif

/* ------------------------------------------------------------------- arguments */

/* Each with its NUL. Negative: more than a worker takes. */
static ssize_t arguments_pack(char *const *argv, char packed[static WORKER_VISIT_SIZE])
{
	size_t used = 0;

	for (int i = 0; argv[i]; i++) {
		size_t size = strlen(argv[i]) + 1;

		if (size > WORKER_VISIT_SIZE - used || i == WORKER_VISIT_ARGS)
			return -E2BIG;
		memcpy(packed + used, argv[i], size);
		used += size;
	}
	return (ssize_t)used;
}

static int channel_fill(int channel, const int fds[3], char *const *argv)
{
	cleanup_free char *packed = malloc(WORKER_VISIT_SIZE);
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))] = { 0 };
	struct iovec data = { packed, 0 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	ssize_t size;

	if (!packed)
		return -ENOMEM;
	size = arguments_pack(argv, packed);
	if (size < 0)
		return (int)size;
	data.iov_len = (size_t)size;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(3 * sizeof(int));
	memcpy(CMSG_DATA(header), fds, 3 * sizeof(int));
	return sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/*
 * ATTACK: an fd that comes along with what we read is closed by us, and that may
 * take as long as its sender likes (a TCP socket with SO_LINGER). Newer kernels let
 * us refuse them.
 */
static void descriptors_refuse(int socket)
{
	const int off = 0;

	(void)setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
}

/* Returns the channel's end that is the worker's. */
static int visit_prepare(char *const *argv, bool input, struct visit *visit)
{
	int pairs[3][2], theirs[3], channel[2], ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
		return -errno;
	visit->channel = channel[0];
	ret = pairs_make(pairs, 3);
	for (int i = 0; ret == 0 && i < 3; i++) {
		visit->sockets[i] = pairs[i][0];
		descriptors_refuse(pairs[i][0]);
		theirs[i] = pairs[i][1];
	}
	if (ret == 0) {
		ret = channel_fill(visit->channel, theirs, argv);
		for (int i = 0; i < 3; i++)
			close_keep_errno(theirs[i]);
	}
	/* ORDER: last of what may fail before it begins */
	if (ret == 0 && input)
		ret = carrier_start(&visit->carrier, visit->sockets[0]);
	if (ret == 0)
		return channel[1];
	close_keep_errno(channel[1]);
	return ret;
}

/* ------------------------------------------------------------------------ visit */

int visit_begin(const struct verb *verb, const char *name, char *const *argv, uint32_t seconds,
		bool probe, struct visit *ret)
{
	struct upcall_connection *connection;
	struct visit visit = VISIT_NULL;
	cleanup_fd int theirs = -1;
	int r;

	theirs = visit_prepare(argv, /* input= */ !probe, &visit);
	if (theirs < 0) {
		(void)visit_end(&visit);
		return failed(verb, take_fd(&theirs), "%s: cannot prepare it", name);
	}
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_visit(connection, name, theirs, seconds, probe);
	if (r < 0) {
		(void)visit_end(&visit);
		return library_failed(verb, name, connection, r);
	}
	upcall_close(connection);
	*ret = visit;
	return -1;
}

int visit_end(struct visit *visit)
{
	int ret = carrier_end(&visit->carrier);

	close_keep_errno(visit->channel);
	for (int i = 0; i < 3; i++)
		close_keep_errno(visit->sockets[i]);
	*visit = VISIT_NULL;
	return ret;
}

const char *visit_outcome(const struct worker_result *result)
{
	switch ((enum worker_outcome)result->outcome) {
	case WORKER_SERVED:
	case WORKER_HANDLER_FAILED:
		return "exited";
	case WORKER_HANDLER_KILLED:
		return "killed";
	case WORKER_HANDLER_OOM:
		return "oom-killed";
	case WORKER_HANDLER_TIMEOUT:
		return "timeout";
	case WORKER_EXEC_FAILED:
		return "exec-failed";
	case WORKER_ENTRY_FAILED:
		return "entry-failed";
	case WORKER_GONE:
	case WORKER_BAD_ANSWER:
		break;
	}
	return "gone";
}
