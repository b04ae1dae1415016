/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upcalld-users: lets ordinary users talk to upcalld
 *
 * Whoever may connect to a unix socket can send fds through it, and the kernel closes them in
 * the process that receives or drops them, which takes as long as he likes (SO_LINGER). So
 * upcalld's own socket is root's, and users come here: bytes are carried to upcalld and back,
 * and fds end here. They are never installed; what closing them could wait for, a signal
 * interrupts. Whoever sends one is hung up on.
 *
 * Nothing of what is said is looked at: who says it is all that upcalld is told.
 */
#ifndef UPCALLD_USERS_H
#define UPCALLD_USERS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "list.h"
#include "watch.h"

/* Connections. Fewer than upcalld takes of others than root: it sees later that one has ended. */
#define USERS_MAX      40
#define USERS_MAX_USER 16
#define USERS_QUIET    30. /* seconds in which nothing went either way: that one is ended */

struct users {
	struct ev_loop *loop;
	int fd; /* the socket; not ours */
	struct watch watch;
	struct list visitors;
	unsigned int count;
	ev_timer sweep;
	ev_timer idle;
};

/* fd is not consumed. idle_seconds: 0, never. */
void users_start(struct users *users, struct ev_loop *loop, int fd, double idle_seconds);
/* Ends every connection. */
void users_stop(struct users *users);

/* ---- carry.c: bytes in one direction ---- */

struct carry {
	int from, to; /* not ours */
	struct watch in, out;
	bool foreign; /* `from` is a user's */
	struct ev_loop *loop;
	ev_tstamp moved; /* when bytes went, or were taken in */
	char bytes[4096];
	size_t used, sent;
	/* It is over: the other end has closed, or something is wrong. */
	void (*over)(struct carry *carry);
};

/* from, to, foreign and over are set. */
void carry_start(struct carry *carry, struct ev_loop *loop);
void carry_stop(struct carry *carry);

/* ---- linger.c ---- */

/* Both return, also if the user has made it that they take long. */
ssize_t linger_receive(int fd, void *bytes, size_t size);
void linger_close(int fd);
/* Before any of both. */
int linger_init(void);

#endif
