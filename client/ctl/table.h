/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers as a table: for people, scripts (raw) and programs (JSON).
 */
#ifndef UPCALLCTL_TABLE_H
#define UPCALLCTL_TABLE_H

#include "libupcall.h"

struct table_format {
	bool json;
	bool raw;
	bool no_headings;
	const char *columns; /* "NAME,STATE", or NULL: the usual ones, all for JSON */
};

/* Prints entries (ends with NULL). -EINVAL for a column that does not exist, or -ENOMEM. */
int table_print(struct upcall_entry *const *entries, const struct table_format *format);

#endif
