// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

#include "cleanup.h"
#include "loop.h"

int64_t loop_now_ms(void)
{
	struct timespec now;

	/* it stands while the machine is suspended, as handlers and the shim's deadlines do */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int loop_watch(struct loop *loop, struct watch *watch, int fd, short events, watch_fn *fn)
{
	if (loop->count == WATCH_MAX)
		return -ENOSPC;
	*watch = (struct watch){ .fd = fd, .events = events, .fn = fn };
	loop->watches[loop->count++] = watch;
	return 0;
}

void loop_mute(struct loop *loop, const struct watch *watch)
{
	for (unsigned int i = 0; i < loop->count; i++)
		if (loop->watches[i] == watch) {
			loop->watches[i] = loop->watches[--loop->count];
			return;
		}
}

int loop_unwatch(struct loop *loop, struct watch *watch)
{
	int fd = watch->fd;

	loop_mute(loop, watch);
	watch->fd = -1;
	return fd;
}

void loop_unwatch_close(struct loop *loop, struct watch *watch)
{
	close_keep_errno(loop_unwatch(loop, watch));
}

static int timeout_ms(int64_t deadline_ms)
{
	int64_t left;

	if (deadline_ms < 0)
		return -1;
	left = deadline_ms - loop_now_ms();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

int loop_run(struct loop *loop, int64_t deadline_ms)
{
	struct pollfd fds[WATCH_MAX];
	int ready;

	for (unsigned int i = 0; i < loop->count; i++) {
		fds[i].fd = loop->watches[i]->fd;
		fds[i].events = loop->watches[i]->events;
		fds[i].revents = 0;
	}
	ready = poll(fds, loop->count, timeout_ms(deadline_ms));
	if (loop->woken)
		loop->woken(loop);
	if (ready <= 0)
		return 0;
	loop->turn++;
	for (unsigned int i = 0; i < loop->count; i++) {
		unsigned int at = (i + loop->turn) % loop->count;

		if (fds[at].revents) {
			loop->watches[at]->fn(loop->watches[at], fds[at].revents);
			return 1;
		}
	}
	return 0;
}
