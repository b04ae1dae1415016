/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to upcalld: one private D-Bus link and the last error's text.
 */
#ifndef LIBUPCALL_CONNECTION_H
#define LIBUPCALL_CONNECTION_H

#include <systemd/sd-bus.h>

#include "export.h"
#include "libupcall.h"

#define CONNECTION_INTERFACE "org.upcalld.Manager1"

struct upcall_connection {
	sd_bus *bus; /* NULL: never connected */
	char *error; /* text of the last failure, or NULL */
};

/* Forgets the last failure; -ENOTCONN without a bus. Every public call begins with it. */
int connection_begin(struct upcall_connection *connection);

/* A message for the method; owned by the caller. */
int connection_method(struct upcall_connection *connection, const char *method,
		      sd_bus_message **ret);

/* Keeps the text for `error`, which it returns. The format has no final newline. */
__attribute__((format(printf, 3, 4))) int connection_fail(struct upcall_connection *connection,
							  int error, const char *format, ...);

/* The same for an answer that makes no sense. */
int connection_not_understood(struct upcall_connection *connection, int error);

/* -EPERM where no fds can be sent, by upcalld-users: what needs some is root's. */
int connection_has_fds(struct upcall_connection *connection);

/*
 * Sends the call and waits. ret_reply may be NULL; else the caller owns the
 * reply. A failure's text is kept; its value is one of those in libupcall.h.
 */
int connection_call(struct upcall_connection *connection, sd_bus_message *call,
		    sd_bus_message **ret_reply);

static inline void cleanup_message_(sd_bus_message **message)
{
	sd_bus_message_unref(*message);
}
#define cleanup_message __attribute__((cleanup(cleanup_message_)))

#endif
