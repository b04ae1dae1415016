/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be shown of a container: each column knows its text and its JSON.
 */
#ifndef UPCALLCTL_COLUMN_H
#define UPCALLCTL_COLUMN_H

#include <stdbool.h>

#include "libupcall.h"

#define COLUMNS_MAX 15

struct column {
	const char *name;
	const char *help;
	bool usual;  /* in the table that nobody asked more of */
	bool number; /* aligned to the right */
	char *(*text)(const struct upcall_entry *entry); /* allocated; NULL: no memory */
	void (*json)(const char *key, const struct upcall_entry *entry);
};

extern const struct column columns[COLUMNS_MAX];

/*
 * Fills `chosen` from "NAME,STATE" in that order, or, if list is NULL, with the
 * usual ones or all. How many there are, or -EINVAL: no such column, too many.
 */
int columns_choose(const char *list, bool all, const struct column *chosen[COLUMNS_MAX]);

#endif
