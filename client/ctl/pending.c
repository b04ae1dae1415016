// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl pending: upcalls that wait or run
 */
#include <stdio.h>
#include <stdlib.h>

#include "table.h"

COLUMN_NUMBER(struct upcall_pending, id)
COLUMN_NUMBER(struct upcall_pending, generation)
COLUMN_STRING(struct upcall_pending, container)
COLUMN_STRING(struct upcall_pending, state)
COLUMN_STRING(struct upcall_pending, handler)
COLUMN_STRING(struct upcall_pending, run_in)
COLUMN_NUMBER(struct upcall_pending, pid)
COLUMN_NUMBER(struct upcall_pending, requester)
COLUMN_STRING(struct upcall_pending, comm)
COLUMN_STRING(struct upcall_pending, waits_for)

/* "key/user": as explain takes it. */
static char *class_text(const void *row)
{
	const struct upcall_pending *upcall = row;
	char *text;

	if (asprintf(&text, "%s%s%s", upcall->class_name, *upcall->key_type ? "/" : "",
		     upcall->key_type) < 0)
		return NULL;
	return text;
}

static void class_json(const char *key, const void *row)
{
	char *text = class_text(row);

	json_string(key, text ?: "");
	free(text);
}

static char *seconds_text(uint64_t usec)
{
	char *text;

	return asprintf(&text, "%.1fs", (double)usec / 1e6) < 0 ? NULL : text;
}

static char *age_text(const void *row)
{
	return seconds_text(((const struct upcall_pending *)row)->age);
}

static void age_json(const char *key, const void *row)
{
	json_number(key, ((const struct upcall_pending *)row)->age);
}

static char *left_text(const void *row)
{
	return seconds_text(((const struct upcall_pending *)row)->left);
}

static void left_json(const char *key, const void *row)
{
	json_number(key, ((const struct upcall_pending *)row)->left);
}

static const struct column columns[] = {
	{ "id", "number, as in the record", true, true, id_text, id_json },
	{ "class", "core, key/TYPE, module, ...", true, false, class_text, class_json },
	{ "container", "whose it is", true, false, container_text, container_json },
	{ "state", "offered, claimed, attaching, running", true, false, state_text, state_json },
	{ "handler", "what answers it", true, false, handler_text, handler_json },
	{ "pid", "of the handler, once it is attached", true, true, pid_text, pid_json },
	{ "age", "since it was raised; microseconds in JSON", true, true, age_text, age_json },
	{ "deadline", "until it is ended; the same", true, true, left_text, left_json },
	{ "waits-for", "quota, worker, or nothing", false, false, waits_for_text, waits_for_json },
	{ "run-in", "container, host", false, false, run_in_text, run_in_json },
	{ "requester", "pid of who asked", false, true, requester_text, requester_json },
	{ "comm", "how that one calls itself", false, false, comm_text, comm_json },
	{ "generation", "times that it was offered again", false, true, generation_text,
	  generation_json },
};

const struct column_set pending_columns = { "upcalls", columns,
					    sizeof(columns) / sizeof(columns[0]) };

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct upcall_pending **upcalls = NULL;
	struct table_format format = { 0 };
	int r, status;

	status = table_arguments(verb, argc, argv, &pending_columns, &format);
	if (status >= 0)
		return status;
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_list_pending(connection, &upcalls);
	if (r < 0)
		return library_failed(verb, NULL, connection, r);
	r = table_print(&pending_columns, (const void *const *)upcalls, &format);
	status = r < 0 ? failed(verb, r, "cannot print the table") : finish_output(verb);
	upcall_list_pending_free(upcalls);
	upcall_close(connection);
	return status;
}

const struct verb verb_pending = {
	.name = "pending",
	.arguments = TABLE_ARGUMENTS,
	.summary = "Show the upcalls that wait or run",
	.details = TABLE_DETAILS,
	.example = "upcallctl pending --output ID,CONTAINER,PID",
	.run = run,
};
