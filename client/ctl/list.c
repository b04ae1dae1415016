// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl list: the containers that are registered
 */
#include "table.h"

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct upcall_entry **entries = NULL;
	struct table_format format = { 0 };
	int r, status;

	status = table_arguments(verb, argc, argv, &container_columns, &format);
	if (status >= 0)
		return status;
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_list(connection, &entries);
	if (r < 0)
		return library_failed(verb, NULL, connection, r);
	r = table_print(&container_columns, (const void *const *)entries, &format);
	status = r < 0 ? failed(verb, r, "cannot print the table") : finish_output(verb);
	upcall_list_free(entries);
	upcall_close(connection);
	return status;
}

const struct verb verb_list = {
	.name = "list",
	.arguments = TABLE_ARGUMENTS,
	.summary = "Show the containers that are registered",
	.details = TABLE_DETAILS,
	.example = "upcallctl list --output NAME,LEADER,CGROUP",
	.run = run,
};
