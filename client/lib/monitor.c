// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Events as they come.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "explain.h"

UPCALL_EXPORT int upcall_monitor(struct upcall_connection *connection)
{
	cleanup_message sd_bus_message *call = NULL;
	int r;

	r = connection_begin(connection);
	if (r >= 0)
		r = connection_method(connection, "Monitor", &call);
	return r < 0 ? r : connection_call(connection, call, NULL);
}

/* 0: not one that we know, as a newer daemon may send. */
static int read_event(sd_bus_message *message, enum upcall_event *ret_event,
		      struct upcall_record **ret)
{
	enum upcall_event event;
	int r;

	if (sd_bus_message_is_signal(message, CONNECTION_INTERFACE, "UpcallOffered"))
		event = UPCALL_EVENT_OFFERED;
	else if (sd_bus_message_is_signal(message, CONNECTION_INTERFACE, "UpcallEnded"))
		event = UPCALL_EVENT_ENDED;
	else if (sd_bus_message_is_signal(message, CONNECTION_INTERFACE, "MonitorDropped"))
		return -ENOBUFS;
	else
		return 0;
	r = object_read(&record_type, message, (void **)ret);
	if (r < 0)
		return r;
	*ret_event = event;
	return 1;
}

static int gone(struct upcall_connection *connection, int error)
{
	if (error == -ENOBUFS)
		return connection_fail(connection, error,
				       "upcalld has stopped sending: too much was left unread");
	if (error == -EBADMSG || error == -ENOMEM)
		return connection_not_understood(connection, error);
	return connection_fail(connection, -ENOTCONN, "upcalld closed the connection");
}

UPCALL_EXPORT int upcall_next_event(struct upcall_connection *connection, enum upcall_event *event,
				    struct upcall_record **ret)
{
	int r;

	r = connection_begin(connection);
	if (r < 0)
		return r;
	for (;;) {
		cleanup_message sd_bus_message *message = NULL;

		r = sd_bus_process(connection->bus, &message);
		if (r > 0 && message)
			r = read_event(message, event, ret);
		else if (r == 0)
			r = sd_bus_wait(connection->bus, UINT64_MAX);
		else
			r = r < 0 ? r : 0;
		if (r < 0 && r != -EINTR)
			return gone(connection, r);
		if (r > 0 && message)
			return 0;
	}
}
