/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A dictionary of an answer as a struct that the caller of the library holds: it
 * keeps the message that its strings are in.
 */
#ifndef LIBUPCALL_OBJECT_H
#define LIBUPCALL_OBJECT_H

#include "connection.h"
#include "fields.h"

/* What is to become of each dictionary; `fields` ends with FIELD_END. */
struct object_type {
	const struct field *fields;
	size_t size;
};

/* The a{sv} at the message's position. -EBADMSG, -ENOMEM. */
int object_read(const struct object_type *type, sd_bus_message *message, void **ret);
/* An aa{sv}, as an array that ends with NULL. */
int objects_read(const struct object_type *type, sd_bus_message *message, void ***ret);

/* Call a method without arguments that answers with an aa{sv}. */
int objects_ask(struct upcall_connection *connection, const char *method,
		const struct object_type *type, void ***ret);

/* Both take NULL. */
void object_free(const struct object_type *type, void *object);
void objects_free(const struct object_type *type, void **objects);

#endif
