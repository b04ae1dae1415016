// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "connection.h"

UPCALL_EXPORT int upcall_visit(struct upcall_connection *connection, const char *name, int channel,
			       uint32_t seconds, bool probe)
{
	cleanup_message sd_bus_message *call = NULL;
	int r;

	r = connection_begin(connection);
	if (r >= 0)
		r = connection_has_fds(connection);
	if (r >= 0)
		r = connection_method(connection, "Visit", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "shub", name, channel, seconds, probe);
	if (r < 0)
		return connection_fail(connection, r, "cannot send name and channel: %s",
				       strerror(-r));
	return connection_call(connection, call, NULL);
}

UPCALL_EXPORT int upcall_relay(struct upcall_connection *connection, uint32_t uid, int channel)
{
	cleanup_message sd_bus_message *call = NULL;
	int r;

	r = connection_begin(connection);
	if (r >= 0)
		r = connection_method(connection, "Relay", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "uh", uid, channel);
	if (r < 0)
		return connection_fail(connection, r, "cannot send user and channel: %s",
				       strerror(-r));
	return connection_call(connection, call, NULL);
}
