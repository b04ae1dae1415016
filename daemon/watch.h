/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An fd in our loop, also when epoll_ctl(2) fails
 *
 * Where libev cannot add an fd it stops its watcher and calls it once, with
 * EV_ERROR besides the events that have not happened. Memory may be short; or
 * somebody else has all watches of fs.epoll.max_user_watches: they are counted
 * for each user, and root's are a container's, too, that has no user namespace.
 * ATTACK: so its root must not be able to make us believe that others' leaders
 * have ended. Here ready() is called for what is so, and for nothing else; what
 * cannot be watched is tried again each second, and said once in a while.
 */
#ifndef UPCALLD_WATCH_H
#define UPCALLD_WATCH_H

#include <ev.h>
#include <stdbool.h>

struct watch {
	ev_io io;
	ev_timer again; /* active: paused */
	struct ev_loop *loop;
	const char *what; /* text that lasts, for the log */
	void (*ready)(struct watch *watch);
};

/* priority: of enum priority. */
void watch_init(struct watch *watch, struct ev_loop *loop, const char *what,
		void (*ready)(struct watch *watch), int priority);
/* events: EV_READ, EV_WRITE. Instead of what was watched before; no change if that is the same. */
void watch_start(struct watch *watch, int fd, int events);
/* Nothing for a second, then as before. */
void watch_pause(struct watch *watch);
void watch_stop(struct watch *watch);
/* ready() is called in the next turn, for reasons of the caller's. */
void watch_feed(struct watch *watch);

/* It could not be watched: say so, but not each time. For watchers with ways of their own. */
void watch_complain(const char *what);

#endif
