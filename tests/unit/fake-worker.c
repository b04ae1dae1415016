// SPDX-License-Identifier: GPL-2.0-or-later
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake-worker.h"

static char arguments[WORKER_VISIT_SIZE];
static char *argv[WORKER_VISIT_ARGS + 1];

static void channel_read(int channel, int fds[3])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))];
	struct iovec data = { arguments, sizeof(arguments) };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t size = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int count = 0;

	if (size <= 0 || !header || header->cmsg_len != CMSG_LEN(3 * sizeof(int)))
		abort();
	memcpy(fds, CMSG_DATA(header), 3 * sizeof(int));
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(arguments + at) + 1)
		argv[count++] = arguments + at;
}

/* How it ended; killed, where the visitor has gone. */
static int command_wait(int channel, pid_t pid)
{
	struct pollfd gone = { .fd = channel };
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0)
		if (poll(&gone, 1, 5) > 0)
			kill(pid, SIGKILL);
	return status;
}

static void command_run(const struct fake_worker *worker, int channel, const int fds[3],
			struct worker_result *result)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			dup2(fds[i], i);
		execv(worker->program ?: argv[0], argv);
		_exit(127);
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	result->wait_status = command_wait(channel, pid);
	result->handler_pid = worker->pid ?: (uint32_t)pid;
	if (WIFSIGNALED(result->wait_status))
		result->outcome = WORKER_HANDLER_KILLED;
	else if (result->wait_status)
		result->outcome = WORKER_HANDLER_FAILED;
}

void fake_worker_visit(const struct fake_worker *worker, int channel)
{
	struct worker_result result = { .protocol = WORKER_PROTOCOL };
	pid_t pid = fork();
	int fds[3];

	if (pid == 0) {
		channel_read(channel, fds);
		if (worker->result.protocol)
			result = worker->result;
		else
			command_run(worker, channel, fds, &result);
		if (!worker->dies)
			(void)!send(channel, &result, sizeof(result), MSG_NOSIGNAL);
		_exit(0);
	}
	close(channel);
}
