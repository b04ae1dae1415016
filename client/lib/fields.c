// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Strings stay in the message, whose owner keeps it as long as the struct.
 * Arrays are ours: a struct that was half read is freed like a whole one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "libupcall.h"

#define NAMESPACES_MAX 32
#define COUNTS_MAX     1024

static void *field_at(const struct field *field, void *target)
{
	return (char *)target + field->offset;
}

static void free_strings(char **strings)
{
	for (char **s = strings; s && *s; s++)
		free(*s);
	free(strings);
}

static int init_array(void **slot, size_t item)
{
	*slot = calloc(1, item);
	return *slot ? 0 : -ENOMEM;
}

int fields_init(const struct field *fields, void *target)
{
	int r = 0;

	for (const struct field *field = fields; field->type && r >= 0; field++) {
		void *slot = field_at(field, target);

		if (field->type == FIELD_STRING)
			*(const char **)slot = "";
		else if (field->type == FIELD_STRINGS)
			r = init_array(slot, sizeof(char *));
		else if (field->type == FIELD_NAMESPACES)
			r = init_array(slot, sizeof(struct upcall_namespace));
		else if (field->type == FIELD_COUNTS)
			r = init_array(slot, sizeof(struct upcall_tally));
	}
	return r;
}

void fields_clear(const struct field *fields, void *target)
{
	for (const struct field *field = fields; field->type; field++) {
		void **slot = field_at(field, target);

		if (field->type == FIELD_STRINGS)
			free_strings(*slot);
		else if (field->type == FIELD_NAMESPACES || field->type == FIELD_COUNTS)
			free(*slot);
		else
			continue;
		*slot = NULL;
	}
}

static int read_basic(sd_bus_message *message, char type, void *slot)
{
	return sd_bus_message_read(message, "v", (char[]){ type, 0 }, slot);
}

static int read_bool(sd_bus_message *message, bool *slot)
{
	int value, r;

	r = read_basic(message, 'b', &value);
	if (r >= 0)
		*slot = value;
	return r;
}

static int read_strings(sd_bus_message *message, char ***slot)
{
	char **strings = NULL;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_read_strv(message, &strings);
	if (r < 0)
		return r;
	if (strings) { /* NULL: an empty array, which the slot holds already */
		free_strings(*slot);
		*slot = strings;
	}
	return sd_bus_message_exit_container(message);
}

static int read_namespaces(sd_bus_message *message, struct upcall_namespace **slot)
{
	struct upcall_namespace *list;
	size_t count = 0;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "a{su}");
	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "{su}");
	if (r < 0)
		return r;
	list = calloc(NAMESPACES_MAX + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	free(*slot);
	*slot = list;
	while ((r = sd_bus_message_read(message, "{su}", &list[count].type, &list[count].inode)) >
	       0)
		if (++count == NAMESPACES_MAX)
			return -EBADMSG;
	list[count].type = NULL;
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	return r;
}

static int read_count(sd_bus_message *message, struct upcall_tally *ret)
{
	return sd_bus_message_read(message, "(sst)", &ret->class_name, &ret->ending, &ret->count);
}

static int read_counts(sd_bus_message *message, struct upcall_tally **slot)
{
	struct upcall_tally *list;
	size_t count = 0;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "a(sst)");
	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "(sst)");
	if (r < 0)
		return r;
	list = calloc(COUNTS_MAX + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	free(*slot);
	*slot = list;
	while ((r = read_count(message, &list[count])) > 0)
		if (++count == COUNTS_MAX)
			return -EBADMSG;
	list[count].class_name = NULL;
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	return r;
}

static int read_value(const struct field *field, sd_bus_message *message, void *slot)
{
	switch (field->type) {
	case FIELD_STRING:
		return read_basic(message, 's', slot);
	case FIELD_U32:
		return read_basic(message, 'u', slot);
	case FIELD_U64:
		return read_basic(message, 't', slot);
	case FIELD_BOOL:
		return read_bool(message, slot);
	case FIELD_STRINGS:
		return read_strings(message, slot);
	case FIELD_NAMESPACES:
		return read_namespaces(message, slot);
	case FIELD_COUNTS:
		return read_counts(message, slot);
	case FIELD_END:
		break;
	}
	return sd_bus_message_skip(message, "v");
}

static int read_entry(const struct field *fields, sd_bus_message *message, void *target)
{
	const struct field *field = fields;
	const char *key;
	int r;

	r = sd_bus_message_read(message, "s", &key);
	if (r < 0)
		return r;
	while (field->type && strcmp(field->key, key) != 0)
		field++;
	r = read_value(field, message, field_at(field, target));
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

int fields_read(const struct field *fields, sd_bus_message *message, void *target)
{
	int r;

	r = sd_bus_message_enter_container(message, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0)
		r = read_entry(fields, message, target);
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? -EBADMSG : 0;
}
