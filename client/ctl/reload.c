// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl reload: read the configuration again
 */
#include <stdio.h>

#include "json.h"
#include "simple.h"

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct simple arguments;
	int r, status;

	status = simple_arguments(verb, argc, argv, /* with_name= */ false, &arguments);
	if (status >= 0)
		return status;
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_reload(connection);
	if (r < 0)
		return library_failed(verb, NULL, connection, r);
	if (arguments.json) {
		json_open(NULL, '{');
		json_bool("reloaded", true);
		json_close('}');
	}
	upcall_close(connection);
	return finish_output(verb);
}

const struct verb verb_reload = {
	.name = "reload",
	.arguments = "[--json]",
	.summary = "Read the configuration again; a bad one never replaces a good one",
	.details = "",
	.example = "upcallctl reload",
	.run = run,
};
