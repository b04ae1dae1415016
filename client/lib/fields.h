/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dictionaries of variants into plain structs, by a table.
 */
#ifndef LIBUPCALL_FIELDS_H
#define LIBUPCALL_FIELDS_H

#include <stddef.h>
#include <systemd/sd-bus.h>

enum field_type {
	FIELD_END = 0,
	FIELD_STRING,	  /* const char *; points into the message */
	FIELD_U32,	  /* uint32_t */
	FIELD_U64,	  /* uint64_t */
	FIELD_BOOL,	  /* bool */
	FIELD_STRINGS,	  /* const char *const *; allocated */
	FIELD_NAMESPACES, /* const struct upcall_namespace *; allocated */
	FIELD_COUNTS,	  /* const struct upcall_tally *; allocated */
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset;
};

/* Gives every field of a zeroed struct a value: "" or an empty array. -ENOMEM. */
int fields_init(const struct field *fields, void *target);

/*
 * Reads an a{sv} at the message's position into an initialised struct. Unknown
 * keys are skipped (a newer daemon). -EBADMSG for a value of another type.
 */
int fields_read(const struct field *fields, sd_bus_message *message, void *target);

/* Frees what init and read allocated, not the struct. */
void fields_clear(const struct field *fields, void *target);

#endif
