// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl unregister: forget a container, and a leader that is there for that alone
 */
#include <stdio.h>

#include "cleanup.h"
#include "holder.h"
#include "json.h"
#include "simple.h"

static void cleanup_holder(struct holder *holder)
{
	holder_close(holder);
}

/*
 * Which one the name means to whom, upcalld says: of a list, root's `web` could be that which user
 * 1000 has given the name.
 *
 * ORDER: while it is registered, so that its leader is whom the pid means.
 */
static void find_holder(struct upcall_connection *connection, const char *name,
			struct holder *holder)
{
	struct upcall_entry *entry = NULL;
	struct upcall_outlook **outlook = NULL;
	struct upcall_record *last = NULL;

	if (upcall_describe(connection, name, &entry, &outlook, &last) < 0)
		return;
	holder_find(holder, entry);
	upcall_entry_free(entry);
	upcall_outlook_free(outlook);
	upcall_record_free(last);
}

static int forget(struct upcall_connection *connection, const char *name)
{
	cleanup_with(cleanup_holder) struct holder holder = HOLDER_NULL;
	int r;

	find_holder(connection, name, &holder);
	r = upcall_unregister(connection, name);
	if (r >= 0 && holder_end(&holder) < 0)
		fprintf(stderr, "upcallctl: unregister %s: warning: its cgroup %s is left\n", name,
			holder.leaf);
	return r;
}

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
		r = forget(connection, arguments.name);
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
