/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be shown of a thing in a row: each column knows its text and its
 * JSON. In tables, lists are joined by commas; in JSON they are lists, and
 * numbers are numbers.
 */
#ifndef UPCALLCTL_COLUMN_H
#define UPCALLCTL_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "json.h"
#include "libupcall.h"

/* No set has more. */
#define COLUMNS_MAX 20

struct column {
	const char *name;
	const char *help;
	bool usual;			/* in the table that nobody asked more of */
	bool number;			/* aligned to the right */
	char *(*text)(const void *row); /* allocated; NULL: no memory */
	void (*json)(const char *key, const void *row);
};

struct column_set {
	const char *rows; /* what they are called in JSON */
	const struct column *columns;
	size_t count;
};

extern const struct column_set container_columns;
extern const struct column_set outlook_columns;
extern const struct column_set pending_columns;

/*
 * Fills `chosen` from "NAME,STATE" in that order, or, if list is NULL, with the
 * usual ones or all. How many there are, or -EINVAL: no such column, too many.
 */
int columns_choose(const struct column_set *set, const char *list, bool all,
		   const struct column *chosen[COLUMNS_MAX]);

/* Names are ASCII, and so are their capitals: toupper() makes none of an i that is Turkish. */
char column_capital(char c);

/* The texts of cells. */
char *column_number(uint64_t number);
char *column_strings(const char *const *strings);

/* Functions member_text() and member_json() of a column that shows row->member as it is. */
#define COLUMN_STRING(type, member)                                 \
	static char *member##_text(const void *row)                 \
	{                                                           \
		return strdup(((const type *)row)->member);         \
	}                                                           \
	static void member##_json(const char *key, const void *row) \
	{                                                           \
		json_string(key, ((const type *)row)->member);      \
	}

#define COLUMN_NUMBER(type, member)                                 \
	static char *member##_text(const void *row)                 \
	{                                                           \
		return column_number(((const type *)row)->member);  \
	}                                                           \
	static void member##_json(const char *key, const void *row) \
	{                                                           \
		json_number(key, ((const type *)row)->member);      \
	}

#define COLUMN_STRINGS(type, member)                                \
	static char *member##_text(const void *row)                 \
	{                                                           \
		return column_strings(((const type *)row)->member); \
	}                                                           \
	static void member##_json(const char *key, const void *row) \
	{                                                           \
		json_strings(key, ((const type *)row)->member);     \
	}

#endif
