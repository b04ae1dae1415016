// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl unregister: forget a container, and a leader that is there for that alone
 */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "holder.h"
#include "json.h"
#include "simple.h"

static void cleanup_holder(struct holder *holder)
{
	holder_close(holder);
}

/* A user's is called UID-NAME, which he need not say. */
static bool is_called(const struct upcall_entry *entry, const char *name)
{
	char full[128];

	(void)snprintf(full, sizeof(full), "%u-%s", entry->uid, name);
	return !strcmp(entry->name, name) || (entry->uid && !strcmp(entry->name, full));
}

/* ORDER: while it is registered, so that its leader is whom the pid means. */
static void find_holder(struct upcall_connection *connection, const char *name,
			struct holder *holder)
{
	struct upcall_entry **entries;

	if (upcall_list(connection, &entries) < 0)
		return;
	for (struct upcall_entry **entry = entries; *entry; entry++)
		if (holder->cgroup < 0 && is_called(*entry, name))
			holder_find(holder, *entry);
	upcall_list_free(entries);
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
