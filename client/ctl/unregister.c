// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl unregister: forget a container
 */
#include <stdio.h>

#include "json.h"
#include "simple.h"

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct simple arguments;
	int r, status;

	status = simple_arguments(verb, argc, argv, /* with_name= */ true, &arguments);
	if (status >= 0)
		return status;
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_unregister(connection, arguments.name);
	if (r < 0)
		return library_failed(verb, arguments.name, connection, r);
	if (arguments.json) {
		json_open(NULL, '{');
		json_string("unregistered", arguments.name);
		json_close('}');
	}
	upcall_close(connection);
	return finish_output(verb);
}

const struct verb verb_unregister = {
	.name = "unregister",
	.arguments = "NAME [--json]",
	.summary = "Forget a container; its upcalls that have not ended are refused",
	.details = "",
	.example = "upcallctl unregister web",
	.run = run,
};
