// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "object.h"

/* In front of what the caller sees. */
struct head {
	_Alignas(max_align_t) sd_bus_message *message;
};

static struct head *head_of(void *object)
{
	return (struct head *)object - 1;
}

void object_free(const struct object_type *type, void *object)
{
	if (!object)
		return;
	fields_clear(type->fields, object);
	sd_bus_message_unref(head_of(object)->message);
	free(head_of(object));
}

void objects_free(const struct object_type *type, void **objects)
{
	for (void **object = objects; object && *object; object++)
		object_free(type, *object);
	free(objects);
}

int object_read(const struct object_type *type, sd_bus_message *message, void **ret)
{
	struct head *head;
	int r;

	head = calloc(1, sizeof(*head) + type->size);
	if (!head)
		return -ENOMEM;
	head->message = sd_bus_message_ref(message);
	r = fields_init(type->fields, head + 1);
	if (r >= 0)
		r = fields_read(type->fields, message, head + 1);
	if (r < 0) {
		object_free(type, head + 1);
		return r;
	}
	*ret = head + 1;
	return 0;
}

/* The array always ends with NULL, so that objects_free() can take it at any time. */
static int append(void ***objects, size_t count, void *object)
{
	void **longer;

	longer = reallocarray(*objects, count + 2, sizeof(void *));
	if (!longer)
		return -ENOMEM;
	longer[count] = object;
	longer[count + 1] = NULL;
	*objects = longer;
	return 0;
}

static int read_all(const struct object_type *type, sd_bus_message *message, void ***objects)
{
	size_t count = 0;
	void *object;
	int r;

	r = sd_bus_message_enter_container(message, 'a', "a{sv}");
	if (r < 0)
		return r;
	while (!(r = sd_bus_message_at_end(message, /* complete= */ false))) {
		r = object_read(type, message, &object);
		if (r < 0)
			return r;
		r = append(objects, count++, object);
		if (r < 0) {
			object_free(type, object);
			return r;
		}
	}
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

int objects_read(const struct object_type *type, sd_bus_message *message, void ***ret)
{
	void **objects = calloc(1, sizeof(void *));
	int r;

	r = objects ? read_all(type, message, &objects) : -ENOMEM;
	if (r < 0) {
		objects_free(type, objects);
		return r;
	}
	*ret = objects;
	return 0;
}

int objects_ask(struct upcall_connection *connection, const char *method,
		const struct object_type *type, void ***ret)
{
	cleanup_message sd_bus_message *call = NULL;
	cleanup_message sd_bus_message *reply = NULL;
	int r;

	r = connection_begin(connection);
	if (r >= 0)
		r = connection_method(connection, method, &call);
	if (r >= 0)
		r = connection_call(connection, call, &reply);
	if (r < 0)
		return r;
	r = objects_read(type, reply, ret);
	return r < 0 ? connection_not_understood(connection, r) : 0;
}
