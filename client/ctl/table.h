/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows as a table: for people, scripts (raw) and programs (JSON).
 */
#ifndef UPCALLCTL_TABLE_H
#define UPCALLCTL_TABLE_H

#include "column.h"
#include "verb.h"

struct table_format {
	bool json;
	bool raw;
	bool no_headings;
	const char *columns; /* "NAME,STATE", or NULL: the usual ones, all for JSON */
};

/* Prints rows (ends with NULL). -EINVAL for a column that does not exist, or -ENOMEM. */
int table_print(const struct column_set *set, const void *const *rows,
		const struct table_format *format);

/* Members of a JSON object that is open: the rows as an array, or one row's columns. */
void table_json(const struct column_set *set, const void *const *rows);
void table_json_row(const struct column_set *set, const void *row);

/* --- table-arguments.c: verbs that print a table and take no other argument --- */

#define TABLE_ARGUMENTS "[--json | --raw] [--noheadings] [--output COLUMN,...]"
#define TABLE_DETAILS                                            \
	"  --json             all columns, as JSON\n"            \
	"  --raw              no alignment, for scripts\n"       \
	"  --noheadings       no line with the columns' names\n" \
	"  --output COLUMN,.. which columns, in which order\n\n"

/* Negative if all is well, else an exit status. */
int table_arguments(const struct verb *verb, int argc, char **argv, const struct column_set *set,
		    struct table_format *format);

#endif
