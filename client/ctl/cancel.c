// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl cancel: end an upcall that waits or runs
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "json.h"
#include "number.h"
#include "simple.h"

#define TRIES	    20
#define INTERVAL_MS 10

/* While its handler attaches it cannot be ended, but that is soon over. */
static int cancel(struct upcall_connection *connection, uint64_t id)
{
	const struct timespec interval = { .tv_nsec = INTERVAL_MS * 1000000L };
	int r = -EBUSY;

	for (int i = 0; i < TRIES && r == -EBUSY; i++) {
		if (i > 0)
			nanosleep(&interval, NULL);
		r = upcall_cancel(connection, id);
	}
	return r;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct simple arguments;
	int r, status;
	uint64_t id;

	status = simple_arguments(verb, argc, argv, /* with_name= */ true, &arguments);
	if (status >= 0)
		return status;
	if (parse_id(arguments.name, &id) < 0)
		return usage_error(verb, "%s: no id of an upcall", arguments.name);
	r = upcall_connect(&connection);
	if (r >= 0)
		r = cancel(connection, id);
	if (r < 0)
		return library_failed(verb, arguments.name, connection, r);
	if (arguments.json) {
		json_open(NULL, '{');
		json_number("cancelled", id);
		json_close('}');
	}
	upcall_close(connection);
	return finish_output(verb);
}

const struct verb verb_cancel = {
	.name = "cancel",
	.arguments = "ID [--json]",
	.summary = "End an upcall that waits or runs: its requester is refused, its handler killed",
	.details = "  ID  as 'pending' shows it\n\n",
	.example = "upcallctl cancel 42",
	.run = run,
};
