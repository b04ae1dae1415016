// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "pairs.h"

#define STACK_SIZE 16384

struct order {
	int (*pairs)[2];
	size_t count;
	int error;
};

/* In our memory and table of files, while we wait. */
static int pairs_open(void *data)
{
	struct order *order = data;
	int error = 0;

	for (size_t i = 0; i < order->count && !error; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, order->pairs[i]) < 0)
			error = errno;
	/* ORDER: last; who is killed before has made nothing */
	order->error = error;
	return 0;
}

int pairs_make(int (*pairs)[2], size_t count)
{
	_Alignas(16) char stack[STACK_SIZE];
	struct order order = { pairs, count, ECHILD };
	pid_t pid;

	for (size_t i = 0; i < count; i++)
		pairs[i][0] = pairs[i][1] = -1;
	pid = clone(pairs_open, stack + sizeof(stack),
		    CLONE_FILES | CLONE_VM | CLONE_VFORK | SIGCHLD, &order);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (order.error)
		pairs_close(pairs, count);
	return -order.error;
}

void pairs_close(int (*pairs)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (int end = 0; end < 2; end++)
			pairs[i][end] = close_keep_errno(pairs[i][end]);
}
