// SPDX-License-Identifier: GPL-2.0-or-later
/* The columns of outlooks: what would happen to each class. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column.h"
#include "stands-for.h"

COLUMN_STRING(struct upcall_outlook, verdict)
COLUMN_STRING(struct upcall_outlook, section)
COLUMN_STRING(struct upcall_outlook, handler)
COLUMN_STRING(struct upcall_outlook, run_in)
COLUMN_NUMBER(struct upcall_outlook, runtime_max_sec)
COLUMN_NUMBER(struct upcall_outlook, max_concurrent)
COLUMN_STRINGS(struct upcall_outlook, allow)
COLUMN_STRING(struct upcall_outlook, reason)

static char *class_text(const void *row)
{
	const struct upcall_outlook *outlook = row;
	char *text;

	if (asprintf(&text, "%s%s%s", outlook->class_name, *outlook->key_type ? "/" : "",
		     outlook->key_type) < 0)
		return NULL;
	return text;
}

static void class_json(const char *key, const void *row)
{
	char *text = class_text(row);

	json_string(key, text ?: "");
	free(text);
}

static char *stands_for_text(const void *row)
{
	const struct upcall_outlook *outlook = row;

	return strdup(stands_for(outlook->class_name, outlook->key_type));
}

static void stands_for_json(const char *key, const void *row)
{
	const struct upcall_outlook *outlook = row;

	json_string(key, stands_for(outlook->class_name, outlook->key_type));
}

static const struct column columns[] = {
	{ "class", "", true, false, class_text, class_json },
	{ "stands-for", "", true, false, stands_for_text, stands_for_json },
	{ "verdict", "", true, false, verdict_text, verdict_json },
	{ "section", "", true, false, section_text, section_json },
	{ "handler", "", true, false, handler_text, handler_json },
	{ "run-in", "", true, false, run_in_text, run_in_json },
	{ "runtime-max-sec", "", false, true, runtime_max_sec_text, runtime_max_sec_json },
	{ "max-concurrent", "", false, true, max_concurrent_text, max_concurrent_json },
	{ "allow", "", false, false, allow_text, allow_json },
	{ "why", "", true, false, reason_text, reason_json },
};

const struct column_set outlook_columns = { "outlook", columns,
					    sizeof(columns) / sizeof(columns[0]) };
