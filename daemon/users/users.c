// SPDX-License-Identifier: GPL-2.0-or-later
/* Who comes in, and what is kept of him. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "journal.h"
#include "libupcall.h"
#include "peer.h"
#include "priority.h"
#include "users.h"

struct visitor {
	struct users *users;
	struct list link;
	uid_t uid;
	int user;    /* his end */
	int upcalld; /* the other; not a user's */
	struct carry there, back;
};

static void visitor_free(struct visitor *visitor)
{
	struct users *users = visitor->users;

	carry_stop(&visitor->there);
	carry_stop(&visitor->back);
	linger_close(visitor->user);
	(void)close(visitor->upcalld);
	list_unlink(&visitor->link);
	free(visitor);
	if (--users->count == 0) {
		ev_timer_stop(users->loop, &users->sweep);
		ev_timer_again(users->loop, &users->idle);
	}
}

static void there_is_over(struct carry *carry)
{
	visitor_free(container_of(carry, struct visitor, there));
}

static void back_is_over(struct carry *carry)
{
	visitor_free(container_of(carry, struct visitor, back));
}

/* Returns our end of a connection to upcalld that is the user's. */
static int connect_for(uid_t uid)
{
	struct upcall_connection *connection;
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_relay(connection, uid, ends[1]);
	if (r < 0)
		journal_log(LOG_WARNING, "User %u cannot be let in: %s", (unsigned int)uid,
			    upcall_error(connection, r));
	upcall_close(connection);
	(void)close(ends[1]);
	if (r >= 0)
		return ends[0];
	(void)close(ends[0]);
	return r;
}

/* Consumes fd, if it does not fail. */
static int visitor_new(struct users *users, int fd, uid_t uid)
{
	cleanup_free struct visitor *visitor = calloc(1, sizeof(*visitor));

	if (!visitor)
		return -ENOMEM;
	visitor->upcalld = connect_for(uid);
	if (visitor->upcalld < 0)
		return visitor->upcalld;
	visitor->users = users;
	visitor->uid = uid;
	visitor->user = fd;
	visitor->there = (struct carry){
		.from = fd, .to = visitor->upcalld, .foreign = true, .over = there_is_over
	};
	visitor->back = (struct carry){ .from = visitor->upcalld, .to = fd, .over = back_is_over };
	list_append(&users->visitors, &visitor->link);
	carry_start(&visitor->there, users->loop);
	carry_start(&visitor->back, users->loop);
	users->count++;
	ev_timer_stop(users->loop, &users->idle);
	ev_timer_again(users->loop, &users->sweep);
	(void)take_ptr(visitor);
	return 0;
}

static ev_tstamp last_moved(const struct visitor *visitor)
{
	return visitor->there.moved > visitor->back.moved ? visitor->there.moved :
							    visitor->back.moved;
}

/* ATTACK: who does not read what he has asked for would keep his place for ever. */
static void sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct users *users = container_of(timer, struct users, sweep);
	struct visitor *visitor, *after;

	list_for_each_entry_safe(visitor, after, &users->visitors, link)
		if (ev_now(loop) - last_moved(visitor) > USERS_QUIET)
			visitor_free(visitor);
}

/* ATTACK: a few users, or one with many numbers, would keep all others out. */
static void make_place(struct users *users)
{
	struct visitor *visitor, *quietest = NULL;

	if (users->count < USERS_MAX)
		return;
	list_for_each_entry(visitor, &users->visitors, link)
		if (!quietest || last_moved(visitor) < last_moved(quietest))
			quietest = visitor;
	if (quietest)
		visitor_free(quietest);
}

static bool has_place(const struct users *users, uid_t uid)
{
	const struct visitor *visitor;
	unsigned int same = 0;

	list_for_each_entry(visitor, &users->visitors, link)
		same += visitor->uid == uid;
	return same < USERS_MAX_USER;
}

static bool admit(struct users *users, int fd, uid_t uid)
{
	if (!has_place(users, uid))
		return false;
	make_place(users);
	return visitor_new(users, fd, uid) >= 0;
}

/* Root has a socket of his own; who is nobody that we know may not be who he says. */
static bool is_user(int fd, uid_t *uid)
{
	return peer_uid(fd, uid) >= 0 && *uid != 0 && *uid != PEER_NOBODY;
}

static void acceptable(struct watch *watch)
{
	struct users *users = container_of(watch, struct users, watch);
	uid_t uid;
	int fd;

	/* cppcheck-suppress nullPointer ; accept4() needs no address to fill */
	fd = accept4(users->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			watch_pause(watch);
		return;
	}
	if (!is_user(fd, &uid) || !admit(users, fd, uid))
		linger_close(fd);
}

static void idle_too_long(struct ev_loop *loop, ev_timer *timer, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

void users_start(struct users *users, struct ev_loop *loop, int fd, double idle_seconds)
{
	*users = (struct users){ .loop = loop, .fd = fd };
	list_init(&users->visitors);
	ev_timer_init(&users->idle, idle_too_long, 0., idle_seconds);
	ev_timer_again(loop, &users->idle);
	ev_timer_init(&users->sweep, sweep, 0., USERS_QUIET / 6.);
	watch_init(&users->watch, loop, "the users' socket", acceptable, PRIORITY_CONTROL);
	watch_start(&users->watch, fd, EV_READ);
}

void users_stop(struct users *users)
{
	struct visitor *visitor, *after;

	watch_stop(&users->watch);
	list_for_each_entry_safe(visitor, after, &users->visitors, link)
		visitor_free(visitor);
	ev_timer_stop(users->loop, &users->idle);
}
