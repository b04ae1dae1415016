// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "ending.h"
#include "listen.h"

static volatile int ending_fd = -1;

/* Children have none of this (CLONE_CLEAR_SIGHAND): they would end us with a copy of our fd. */
static void on_term(int signal)
{
	const uint64_t one = 1;
	int error = errno;

	(void)signal;
	(void)!write(ending_fd, &one, sizeof(one));
	errno = error;
}

static void on_ending(struct watch *watch, short revents)
{
	struct hands *hands = container_of(watch, struct hands, ending);

	(void)revents;
	ending_fd = -1;
	loop_unwatch_close(&hands->loop, watch);
	listen_end(hands);
	hands->end_ms = loop_now_ms() + WORKER_FINISH_MS;
}

int ending_watch(struct hands *hands)
{
	const struct sigaction action = { .sa_handler = on_term, .sa_flags = SA_RESTART };
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ret = fd < 0 ? -errno : loop_watch(&hands->loop, &hands->ending, fd, POLLIN, on_ending);

	if (ret < 0) {
		close_keep_errno(fd);
		return ret;
	}
	ending_fd = fd;
	return sigaction(SIGTERM, &action, NULL) < 0 ? -errno : 0;
}
