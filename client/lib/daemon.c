// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The daemon itself: status and reload.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "fields.h"

struct status {
	struct upcall_daemon public; /* what the caller sees */
	sd_bus_message *reply;	     /* where its strings are */
};

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
	{ NULL, FIELD_END, 0 },
};

UPCALL_EXPORT struct upcall_daemon *upcall_daemon_free(struct upcall_daemon *public)
{
	struct status *status;

	if (!public)
		return NULL;
	status = (struct status *)((char *)public - offsetof(struct status, public));
	fields_clear(daemon_fields, &status->public);
	sd_bus_message_unref(status->reply);
	free(status);
	return NULL;
}

static int status_read(sd_bus_message *reply, struct upcall_daemon **ret)
{
	struct status *status;
	int r;

	status = calloc(1, sizeof(*status));
	if (!status)
		return -ENOMEM;
	status->reply = sd_bus_message_ref(reply);
	r = fields_init(daemon_fields, &status->public);
	if (r >= 0)
		r = fields_read(daemon_fields, reply, &status->public);
	if (r < 0) {
		upcall_daemon_free(&status->public);
		return r;
	}
	*ret = &status->public;
	return 0;
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
	r = status_read(reply, ret);
	if (r < 0)
		return connection_fail(connection, r, "cannot read upcalld's answer: %s",
				       strerror(-r));
	return 0;
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
