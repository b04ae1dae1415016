// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "visit.h"

#define STACK_SIZE 65536

/* ------------------------------------------------------------------- sockets */

struct pairs {
	int fds[3][2]; /* ours, the command's */
	int error;
};

static void pairs_close(struct pairs *pairs, int end)
{
	for (int i = 0; i < 3; i++)
		pairs->fds[i][end] = close_keep_errno(pairs->fds[i][end]);
}

static int pairs_open(void *data)
{
	struct pairs *pairs = data;

	for (int i = 0; i < 3; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs->fds[i]) < 0) {
			pairs->error = errno;
			return 0;
		}
	pairs->error = 0;
	return 0;
}

/*
 * By a process that ends at once: newer kernels give whoever has a socket a pidfd
 * of the process that made its other end (SO_PEERPIDFD), and that would be a way
 * from the container into our namespaces.
 */
static int pairs_make(struct pairs *pairs)
{
	cleanup_free char *stack = malloc(STACK_SIZE);
	pid_t pid;

	memset(pairs, 0xff, sizeof(*pairs));
	if (!stack)
		return -ENOMEM;
	pairs->error = ECHILD;
	pid = clone(pairs_open, stack + STACK_SIZE, CLONE_FILES | CLONE_VM | CLONE_VFORK | SIGCHLD,
		    pairs);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return -pairs->error;
}

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

static int channel_fill(int channel, const struct pairs *pairs, char *const *argv)
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
	for (int i = 0; i < 3; i++)
		memcpy(CMSG_DATA(header) + (size_t)i * sizeof(int), &pairs->fds[i][1], sizeof(int));
	return sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* One that is closed would become a socket of ours, and be taken for our input or output. */
static int stdio_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Returns the end that is the worker's. */
static int visit_prepare(char *const *argv, struct visit *visit)
{
	struct pairs pairs;
	int channel[2], ret;

	ret = stdio_fill();
	if (ret < 0)
		return ret;
	ret = pairs_make(&pairs);
	if (ret == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
		ret = -errno;
	if (ret < 0) {
		pairs_close(&pairs, 0);
		pairs_close(&pairs, 1);
		return ret;
	}
	visit->channel = channel[0];
	for (int i = 0; i < 3; i++)
		visit->sockets[i] = pairs.fds[i][0];
	ret = channel_fill(visit->channel, &pairs, argv);
	pairs_close(&pairs, 1);
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

	theirs = visit_prepare(argv, &visit);
	if (theirs < 0) {
		visit_end(&visit);
		return failed(verb, take_fd(&theirs), "%s: cannot prepare it", name);
	}
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_visit(connection, name, theirs, seconds, probe);
	if (r < 0) {
		visit_end(&visit);
		return library_failed(verb, name, connection, r);
	}
	upcall_close(connection);
	*ret = visit;
	return -1;
}

void visit_end(struct visit *visit)
{
	close_keep_errno(visit->channel);
	for (int i = 0; i < 3; i++)
		close_keep_errno(visit->sockets[i]);
	*visit = VISIT_NULL;
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
