// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The daemon itself: status and reload.
 */
#include <stddef.h>

#include "object.h"

#define FIELD(key, type, member)                                          \
	{                                                                 \
		key, FIELD_##type, offsetof(struct upcall_daemon, member) \
	}

static const struct field daemon_fields[] = {
	FIELD("version", STRING, version),
	FIELD("shim", BOOL, shim),
	FIELD("shim-version", STRING, shim_version),
	FIELD("shim-error", STRING, shim_error),
	FIELD("containers", U32, containers),
	FIELD("pending", U32, pending),
	FIELD("served", U64, served),
	FIELD("failed", U64, failed),
	FIELD("refused", U64, refused),
	FIELD("enobufs", U64, enobufs),
	FIELD("bad-sender", U64, bad_sender),
	FIELD("core-pattern", STRING, core_pattern),
	FIELD("core-pipe-limit", U32, core_pipe_limit),
	FIELD("warnings", STRINGS, warnings),
	FIELD("standalone", BOOL, standalone),
	FIELD("config-error", STRING, config_error),
	FIELD("config-read", U64, config_read),
	FIELD("upcalls", COUNTS, upcalls),
	{ NULL, FIELD_END, 0 },
};

static const struct object_type daemon_type = { daemon_fields, sizeof(struct upcall_daemon) };

UPCALL_EXPORT struct upcall_daemon *upcall_daemon_free(struct upcall_daemon *daemon)
{
	object_free(&daemon_type, daemon);
	return NULL;
}

UPCALL_EXPORT int upcall_status(struct upcall_connection *connection, struct upcall_daemon **ret)
{
	cleanup_message sd_bus_message *call = NULL;
	cleanup_message sd_bus_message *reply = NULL;
	int r;

	r = connection_begin(connection);
	if (r < 0)
		return r;
	r = connection_method(connection, "Status", &call);
	if (r >= 0)
		r = connection_call(connection, call, &reply);
	if (r < 0)
		return r;
	r = object_read(&daemon_type, reply, (void **)ret);
	return r < 0 ? connection_not_understood(connection, r) : 0;
}

UPCALL_EXPORT int upcall_reload(struct upcall_connection *connection)
{
	cleanup_message sd_bus_message *call = NULL;
	int r;

	r = connection_begin(connection);
	if (r < 0)
		return r;
	r = connection_method(connection, "Reload", &call);
	if (r >= 0)
		r = connection_call(connection, call, NULL);
	return r;
}
