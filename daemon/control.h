/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: D-Bus without a bus daemon
 *
 * Each connection is an sd-bus server of its own; who is at its other end is
 * what SO_PEERCRED said when it connected. The socket is root's; where the
 * administrator has given it to others too, they are not trusted with more than
 * closing fds of theirs, so everything that a connection can make us keep is
 * bounded: how many there are, for each user but root and of all of these
 * together; how long one may say nothing whole; how much, and how many fds, it
 * may send without a whole message; how many answers it leaves unread.
 *
 * Ordinary users come by upcalld-users, which lets no fd through: what it hands
 * over is a connection, too, of whom it says that it is.
 */
#ifndef UPCALLD_CONTROL_H
#define UPCALLD_CONTROL_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "bus-loop.h"
#include "cleanup.h"
#include "list.h"
#include "upcall.h"
#include "watch.h"

#define CONTROL_MAX	     64
#define CONTROL_MAX_OTHERS   48 /* root always finds a place */
#define CONTROL_MAX_USER     16
#define CONTROL_IDLE_SECONDS 30.
#define CONTROL_PARTIAL_MAX  (256 * 1024)
#define CONTROL_FDS_MAX	     32
#define CONTROL_UNREAD_MAX   16
#define CONTROL_TEXT_SIZE    4200 /* a path of 1 KiB, all of it escaped; longer texts are cut */

#define CONTROL_OBJECT	  "/org/upcalld"
#define CONTROL_INTERFACE "org.upcalld.Manager1"

struct daemon;

struct control {
	struct daemon *daemon;
	struct ev_loop *loop;
	int fd; /* not ours */
	struct watch watch;
	struct list links;
	unsigned int count;
	uint64_t accepted;
};

enum monitor_state {
	MONITOR_NONE = 0,
	MONITOR_TOLD,
	MONITOR_DROPPED, /* it was too slow: nothing more */
};

/* One connection. */
struct control_link {
	struct control *control;
	struct list link;
	uid_t uid;
	bool relayed; /* by upcalld-users: without fds */
	struct bus_loop bus_loop;
	ev_timer idle;
	uint64_t partial; /* bytes since the last whole message, at most */
	uint64_t fds;	  /* the same */
	enum monitor_state monitor;
};

/* fd is not consumed. */
void control_start(struct control *control, struct daemon *daemon, int fd);
/*
 * A connection of the user's whom upcalld-users says: fd is consumed, also on failure. -EDQUOT:
 * he has too many.
 */
int control_relay(struct control *control, int fd, uid_t uid);
/* No new connections. */
void control_stop(struct control *control);
/* Harmless if it was not started. */
void control_close(struct control *control);

/* ---- control-link.c ---- */

/* Consumes fd, also on failure. */
int control_link_new(struct control *control, int fd, uid_t uid, bool relayed);
void control_link_free(struct control_link *link);

/* ---- control-methods.c: userdata is the struct control_link ---- */

extern const sd_bus_vtable control_vtable[];

/* False: `error` says that it is not. What others than root may ask does not ask this. */
bool control_is_allowed(const struct control_link *link, sd_bus_error *error);
/* The same for what users may ask, too: not for who is nobody that is known. */
bool control_is_user(const struct control_link *link, sd_bus_error *error);
/* Users see their own. */
struct container;
bool control_may_see(const struct control_link *link, const struct container *container);
/*
 * What the container is called that the caller means by `name`: root's, and whatever is too long
 * for any, as it is; else in `room`.
 */
const char *control_name(const struct control_link *link, const char *name,
			 char room[UPCALL_NAME_LEN]);
/* Both set `error` and return what a method then returns. name: org.upcalld.Error.NAME. */
int control_refuse(sd_bus_error *error, const char *name, const char *text);
struct failure;
int control_reply_failure(sd_bus_error *error, const struct failure *failure);

static inline void cleanup_message_(sd_bus_message **message)
{
	*message = sd_bus_message_unref(*message);
}
#define cleanup_message cleanup_with(cleanup_message_)

/* ---- control-upcalls.c: methods about upcalls ---- */

int control_list_pending(sd_bus_message *call, void *userdata, sd_bus_error *error);
int control_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error);
int control_explain_upcall(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* control-visit.c */
int control_visit(sd_bus_message *call, void *userdata, sd_bus_error *error);

int control_monitor(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* ---- control-explain.c: methods that say why ---- */

int control_describe(sd_bus_message *call, void *userdata, sd_bus_error *error);
int control_explain_process(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* ---- control-reply.c: dictionaries of the interface ---- */

int control_append_container(sd_bus_message *reply, const struct container *container);
/* root: who asks; others are not told what is in the files. */
int control_append_status(sd_bus_message *reply, const struct daemon *daemon, bool root);

/* Entries of a dictionary that the caller opens and closes. */
struct facts;
struct record;
int control_append_namespaces(sd_bus_message *reply, const uint32_t ns[UPCALL_NS_COUNT],
			      uint32_t mask);
int control_append_facts(sd_bus_message *reply, const struct facts *facts);
/* Whose it is and what for, without how it ended. */
int control_append_decided(sd_bus_message *reply, const struct record *record);
/* All of it; at: microseconds since the epoch. */
int control_append_record(sd_bus_message *reply, const struct record *record, uint64_t at);

#endif
