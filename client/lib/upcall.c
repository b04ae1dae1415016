// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Upcalls: those that have not ended, ending one, and why things are as they are.
 */
#include <stddef.h>
#include <string.h>

#include "object.h"

#define FIELD(key, type, member)                                           \
	{                                                                  \
		key, FIELD_##type, offsetof(struct upcall_pending, member) \
	}

static const struct field pending_fields[] = {
	FIELD("id", U64, id),
	FIELD("generation", U32, generation),
	FIELD("class", STRING, class_name),
	FIELD("key-type", STRING, key_type),
	FIELD("container", STRING, container),
	FIELD("state", STRING, state),
	FIELD("waits-for", STRING, waits_for),
	FIELD("handler", STRING, handler),
	FIELD("run-in", STRING, run_in),
	FIELD("pid", U32, pid),
	FIELD("requester", U32, requester),
	FIELD("comm", STRING, comm),
	FIELD("age", U64, age),
	FIELD("left", U64, left),
	{ NULL, FIELD_END, 0 },
};

static const struct object_type pending_type = { pending_fields, sizeof(struct upcall_pending) };

UPCALL_EXPORT int upcall_list_pending(struct upcall_connection *connection,
				      struct upcall_pending ***ret)
{
	return objects_ask(connection, "ListPending", &pending_type, (void ***)ret);
}

UPCALL_EXPORT struct upcall_pending **upcall_list_pending_free(struct upcall_pending **upcalls)
{
	objects_free(&pending_type, (void **)upcalls);
	return NULL;
}

UPCALL_EXPORT int upcall_cancel(struct upcall_connection *connection, uint64_t id)
{
	cleanup_message sd_bus_message *call = NULL;
	int r;

	r = connection_begin(connection);
	if (r >= 0)
		r = connection_method(connection, "Cancel", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "t", id);
	if (r < 0)
		return connection_fail(connection, r, "cannot send the id: %s", strerror(-r));
	return connection_call(connection, call, NULL);
}
