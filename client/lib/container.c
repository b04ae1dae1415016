// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Containers: register, unregister, list. An entry keeps the reply that its
 * strings are in.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "fields.h"

struct entry {
	struct upcall_entry public; /* what the caller sees; first, so that it is freed as it is */
	sd_bus_message *reply;
};

#define FIELD(key, type, member)                                         \
	{                                                                \
		key, FIELD_##type, offsetof(struct upcall_entry, member) \
	}

static const struct field entry_fields[] = {
	FIELD("name", STRING, name),
	FIELD("id", U64, id),
	FIELD("state", STRING, state),
	FIELD("leader", U32, leader),
	FIELD("uid", U32, uid),
	FIELD("cgroup", STRING, cgroup),
	FIELD("policy", STRING, policy),
	FIELD("runtime", STRING, runtime),
	FIELD("pending", U32, pending),
	FIELD("served", U64, served),
	FIELD("failed", U64, failed),
	FIELD("since", U64, since),
	FIELD("namespaces", NAMESPACES, namespaces),
	FIELD("labels", STRINGS, labels),
	FIELD("warnings", STRINGS, warnings),
	{ NULL, FIELD_END, 0 },
};

static struct entry *entry_of(struct upcall_entry *public)
{
	return (struct entry *)((char *)public - offsetof(struct entry, public));
}

UPCALL_EXPORT struct upcall_entry *upcall_entry_free(struct upcall_entry *public)
{
	struct entry *entry;

	if (!public)
		return NULL;
	entry = entry_of(public);
	fields_clear(entry_fields, &entry->public);
	sd_bus_message_unref(entry->reply);
	free(entry);
	return NULL;
}

UPCALL_EXPORT struct upcall_entry **upcall_list_free(struct upcall_entry **entries)
{
	for (struct upcall_entry **entry = entries; entry && *entry; entry++)
		upcall_entry_free(*entry);
	free(entries);
	return NULL;
}

static int entry_read(sd_bus_message *reply, struct upcall_entry **ret)
{
	struct entry *entry;
	int r;

	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->reply = sd_bus_message_ref(reply);
	r = fields_init(entry_fields, &entry->public);
	if (r >= 0)
		r = fields_read(entry_fields, reply, &entry->public);
	if (r < 0) {
		upcall_entry_free(&entry->public);
		return r;
	}
	*ret = &entry->public;
	return 0;
}

static int not_understood(struct upcall_connection *connection, int error)
{
	return connection_fail(connection, error, "cannot read upcalld's answer: %s",
			       strerror(-error));
}

static int append_string(sd_bus_message *call, const char *key, const char *value)
{
	return value ? sd_bus_message_append(call, "{sv}", key, "s", value) : 0;
}

static int append_labels(sd_bus_message *call, const char *const *labels)
{
	int r;

	if (!labels || !*labels)
		return 0;
	r = sd_bus_message_open_container(call, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", "labels");
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_append_strv(call, (char **)labels);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r;
}

static int append_options(sd_bus_message *call, const struct upcall_register_options *options)
{
	static const struct upcall_register_options none;
	int r;

	options = options ?: &none;
	for (size_t i = 0; i < sizeof(options->reserved) / sizeof(options->reserved[0]); i++)
		if (options->reserved[i])
			return -EINVAL;
	r = sd_bus_message_open_container(call, 'a', "{sv}");
	if (r >= 0)
		r = append_string(call, "cgroup", options->cgroup);
	if (r >= 0)
		r = append_string(call, "runtime", options->runtime);
	if (r >= 0)
		r = append_labels(call, options->labels);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r;
}

UPCALL_EXPORT int upcall_register(struct upcall_connection *connection, const char *name, int pidfd,
				  const struct upcall_register_options *options,
				  struct upcall_entry **ret)
{
	cleanup_message sd_bus_message *call = NULL;
	cleanup_message sd_bus_message *reply = NULL;
	int r;

	r = connection_begin(connection);
	if (r < 0)
		return r;
	r = connection_method(connection, "Register", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "sh", name, pidfd);
	if (r >= 0)
		r = append_options(call, options);
	if (r < 0)
		return connection_fail(connection, r, "cannot send name, pidfd and options: %s",
				       strerror(-r));
	r = connection_call(connection, call, &reply);
	if (r < 0 || !ret)
		return r;
	r = entry_read(reply, ret);
	return r < 0 ? not_understood(connection, r) : 0;
}

UPCALL_EXPORT int upcall_unregister(struct upcall_connection *connection, const char *name)
{
	cleanup_message sd_bus_message *call = NULL;
	int r;

	r = connection_begin(connection);
	if (r < 0)
		return r;
	r = connection_method(connection, "Unregister", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "s", name);
	if (r < 0)
		return connection_fail(connection, r, "cannot send the name: %s", strerror(-r));
	return connection_call(connection, call, NULL);
}

/* The array always ends with NULL, so that upcall_list_free() can take it at any time. */
static int list_append(struct upcall_entry ***list, size_t count, struct upcall_entry *entry)
{
	struct upcall_entry **longer;

	longer = reallocarray(*list, count + 2, sizeof(struct upcall_entry *));
	if (!longer)
		return -ENOMEM;
	longer[count] = entry;
	longer[count + 1] = NULL;
	*list = longer;
	return 0;
}

static int list_read(sd_bus_message *reply, struct upcall_entry ***list)
{
	struct upcall_entry *entry;
	size_t count = 0;
	int r;

	r = sd_bus_message_enter_container(reply, 'a', "a{sv}");
	if (r < 0)
		return r;
	while (!(r = sd_bus_message_at_end(reply, /* complete= */ false))) {
		r = entry_read(reply, &entry);
		if (r < 0)
			return r;
		r = list_append(list, count++, entry);
		if (r < 0) {
			upcall_entry_free(entry);
			return r;
		}
	}
	return r < 0 ? r : 0;
}

UPCALL_EXPORT int upcall_list(struct upcall_connection *connection, struct upcall_entry ***ret)
{
	cleanup_message sd_bus_message *call = NULL;
	cleanup_message sd_bus_message *reply = NULL;
	struct upcall_entry **list;
	int r;

	r = connection_begin(connection);
	if (r < 0)
		return r;
	r = connection_method(connection, "List", &call);
	if (r >= 0)
		r = connection_call(connection, call, &reply);
	if (r < 0)
		return r;
	list = calloc(1, sizeof(struct upcall_entry *));
	r = list ? list_read(reply, &list) : -ENOMEM;
	if (r < 0) {
		upcall_list_free(list);
		return not_understood(connection, r);
	}
	*ret = list;
	return 0;
}
