// SPDX-License-Identifier: GPL-2.0-or-later
#include "watch.h"
#include "clock.h"
#include "journal.h"
#include "list.h"

#define PAUSE_SECONDS 1.
/* Whoever fails, fails together with others. */
#define QUIET_SECONDS 60.

void watch_complain(const char *what)
{
	static double said_at;

	if (said_at > 0. && clock_since(said_at) < QUIET_SECONDS)
		return;
	said_at = clock_now();
	journal_log(LOG_ERR,
		    "Cannot watch %s, trying again: too little memory, or all watches of "
		    "fs.epoll.max_user_watches that root may have are in use",
		    what);
}

static void io_ready(struct ev_loop *loop, ev_io *io, int events)
{
	struct watch *watch = container_of(io, struct watch, io);

	if (events & EV_ERROR) {
		watch_complain(watch->what);
		watch_pause(watch);
	}
	/* ORDER: last, as it may free the watch */
	if (!(events & EV_ERROR) || (events & EV_CUSTOM))
		watch->ready(watch);
}

static void pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct watch *watch = container_of(timer, struct watch, again);

	ev_io_start(loop, &watch->io);
}

void watch_init(struct watch *watch, struct ev_loop *loop, const char *what,
		void (*ready)(struct watch *watch), int priority)
{
	*watch = (struct watch){ .loop = loop, .what = what, .ready = ready };
	ev_io_init(&watch->io, io_ready, -1, 0);
	ev_set_priority(&watch->io, priority);
	ev_timer_init(&watch->again, pause_over, PAUSE_SECONDS, 0.);
}

static bool is_started(const struct watch *watch)
{
	return ev_is_active(&watch->io) || ev_is_active(&watch->again);
}

void watch_start(struct watch *watch, int fd, int events)
{
	if (is_started(watch) && watch->io.fd == fd &&
	    (watch->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	watch_stop(watch);
	ev_io_set(&watch->io, fd, events);
	ev_io_start(watch->loop, &watch->io);
}

void watch_pause(struct watch *watch)
{
	watch_stop(watch);
	ev_timer_set(&watch->again, PAUSE_SECONDS, 0.);
	ev_timer_start(watch->loop, &watch->again);
}

void watch_stop(struct watch *watch)
{
	ev_io_stop(watch->loop, &watch->io);
	ev_timer_stop(watch->loop, &watch->again);
}

void watch_feed(struct watch *watch)
{
	/* of its own kind, for libev makes one of all that is pending for a watcher */
	ev_feed_event(watch->loop, &watch->io, EV_CUSTOM);
}
