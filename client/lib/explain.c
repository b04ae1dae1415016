// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Why: a container, a process, an upcall.
 */
#include <stddef.h>
#include <string.h>

#include "explain.h"
#include "object.h"

#define FIELD(object, key, type, member)                           \
	{                                                          \
		key, FIELD_##type, offsetof(struct object, member) \
	}

#define RECORD(key, type, member) FIELD(upcall_record, key, type, member)

static const struct field record_fields[] = {
	RECORD("id", U64, id),
	RECORD("generation", U32, generation),
	RECORD("class", STRING, class_name),
	RECORD("key-type", STRING, key_type),
	RECORD("requester", U32, requester),
	RECORD("comm", STRING, comm),
	RECORD("container", STRING, container),
	RECORD("rule", STRING, rule),
	RECORD("policy", STRING, policy),
	RECORD("section", STRING, section),
	RECORD("handler", STRING, handler),
	RECORD("run-in", STRING, run_in),
	RECORD("result", STRING, result),
	RECORD("reason", STRING, reason),
	RECORD("step", STRING, step),
	RECORD("error", STRING, error),
	RECORD("wait-status", U32, wait_status),
	RECORD("pid", U32, pid),
	RECORD("duration", U64, duration),
	RECORD("at", U64, at),
	{ NULL, FIELD_END, 0 },
};

const struct object_type record_type = { record_fields, sizeof(struct upcall_record) };

#define OUTLOOK(key, type, member) FIELD(upcall_outlook, key, type, member)

static const struct field outlook_fields[] = {
	OUTLOOK("class", STRING, class_name),
	OUTLOOK("key-type", STRING, key_type),
	OUTLOOK("verdict", STRING, verdict),
	OUTLOOK("section", STRING, section),
	OUTLOOK("handler", STRING, handler),
	OUTLOOK("run-in", STRING, run_in),
	OUTLOOK("runtime-max-sec", U32, runtime_max_sec),
	OUTLOOK("max-concurrent", U32, max_concurrent),
	OUTLOOK("allow", STRINGS, allow),
	OUTLOOK("reason", STRING, reason),
	{ NULL, FIELD_END, 0 },
};

static const struct object_type outlook_type = { outlook_fields, sizeof(struct upcall_outlook) };

#define PROCESS(key, type, member) FIELD(upcall_process, key, type, member)

static const struct field process_fields[] = {
	PROCESS("pid", U32, pid),
	PROCESS("scope", STRING, scope),
	PROCESS("container", STRING, container),
	PROCESS("policy", STRING, policy),
	PROCESS("namespaces", NAMESPACES, namespaces),
	PROCESS("cgroup-id", U64, cgroup_id),
	{ NULL, FIELD_END, 0 },
};

static const struct object_type process_type = { process_fields, sizeof(struct upcall_process) };

UPCALL_EXPORT struct upcall_record *upcall_record_free(struct upcall_record *record)
{
	object_free(&record_type, record);
	return NULL;
}

UPCALL_EXPORT struct upcall_outlook **upcall_outlook_free(struct upcall_outlook **outlook)
{
	objects_free(&outlook_type, (void **)outlook);
	return NULL;
}

UPCALL_EXPORT struct upcall_process *upcall_process_free(struct upcall_process *process)
{
	object_free(&process_type, process);
	return NULL;
}

static int send_failed(struct upcall_connection *connection, int error)
{
	return connection_fail(connection, error, "cannot send the question: %s", strerror(-error));
}

/* An object, then an outlook. */
static int read_two(struct upcall_connection *connection, sd_bus_message *reply,
		    const struct object_type *type, void **ret,
		    struct upcall_outlook ***ret_outlook)
{
	int r;

	r = object_read(type, reply, ret);
	if (r < 0)
		return connection_not_understood(connection, r);
	r = objects_read(&outlook_type, reply, (void ***)ret_outlook);
	if (r >= 0)
		return 0;
	object_free(type, *ret);
	*ret = NULL;
	return connection_not_understood(connection, r);
}

UPCALL_EXPORT int upcall_describe(struct upcall_connection *connection, const char *name,
				  struct upcall_entry **ret, struct upcall_outlook ***ret_outlook,
				  struct upcall_record **ret_last)
{
	cleanup_message sd_bus_message *call = NULL;
	cleanup_message sd_bus_message *reply = NULL;
	int r;

	r = connection_begin(connection);
	if (r >= 0)
		r = connection_method(connection, "Describe", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "s", name);
	if (r < 0)
		return send_failed(connection, r);
	r = connection_call(connection, call, &reply);
	if (r >= 0)
		r = read_two(connection, reply, &entry_type, (void **)ret, ret_outlook);
	if (r < 0)
		return r;
	r = object_read(&record_type, reply, (void **)ret_last);
	if (r >= 0)
		return 0;
	*ret = upcall_entry_free(*ret);
	*ret_outlook = upcall_outlook_free(*ret_outlook);
	return connection_not_understood(connection, r);
}

UPCALL_EXPORT int upcall_explain_process(struct upcall_connection *connection, int pidfd,
					 struct upcall_process **ret,
					 struct upcall_outlook ***ret_outlook)
{
	cleanup_message sd_bus_message *call = NULL;
	cleanup_message sd_bus_message *reply = NULL;
	int r;

	r = connection_begin(connection);
	if (r >= 0)
		r = connection_has_fds(connection);
	if (r >= 0)
		r = connection_method(connection, "ExplainProcess", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "h", pidfd);
	if (r < 0)
		return send_failed(connection, r);
	r = connection_call(connection, call, &reply);
	if (r < 0)
		return r;
	return read_two(connection, reply, &process_type, (void **)ret, ret_outlook);
}

UPCALL_EXPORT int upcall_explain(struct upcall_connection *connection, uint64_t id,
				 struct upcall_record **ret)
{
	cleanup_message sd_bus_message *call = NULL;
	cleanup_message sd_bus_message *reply = NULL;
	int r;

	r = connection_begin(connection);
	if (r >= 0)
		r = connection_method(connection, "ExplainUpcall", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "t", id);
	if (r < 0)
		return send_failed(connection, r);
	r = connection_call(connection, call, &reply);
	if (r < 0)
		return r;
	r = object_read(&record_type, reply, (void **)ret);
	return r < 0 ? connection_not_understood(connection, r) : 0;
}
