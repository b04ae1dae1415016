// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl monitor: a line for each event of an upcall, until interrupted
 */
#include <inttypes.h>
#include <stdio.h>

#include "describe.h"
#include "json.h"
#include "native.h"

static const struct option options[] = {
	{ "native", no_argument, NULL, 'n' },
	{ "namespaces", no_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Negative if all is well, else an exit status. */
static int take_arguments(const struct verb *verb, int argc, char **argv, bool *ret_native,
			  struct native_options *ret)
{
	int option;

	*ret_native = false;
	while ((option = getopt_long(argc, argv, ":hj", options, NULL)) != -1) {
		if (option == 'h')
			return print_verb_help(verb);
		else if (option == 'j')
			ret->json = true;
		else if (option == 'n')
			*ret_native = true;
		else if (option == 's')
			ret->namespaces = true;
		else
			return refuse_option(verb, option, argv);
	}
	if (argc != optind)
		return usage_error(verb, "%s: one argument too many", argv[optind]);
	if (ret->namespaces && !*ret_native)
		return usage_error(verb, "--namespaces is for --native");
	return -1;
}

static void print_outcome(const struct upcall_record *record)
{
	printf(" %s", record->result);
	if (*record->step)
		printf(" at %s", record->step);
	if (*record->reason)
		printf(" (%s)", record->reason);
	if (*record->error)
		printf(": %s", record->error);
	printf(" after %.1f ms", (double)record->duration / 1e3);
	if (*record->handler)
		printf(" by %s", record->handler);
}

static void print_text(enum upcall_event event, const struct upcall_record *record)
{
	print_clock(record->at);
	printf("%-7s %" PRIu64 " %s%s%s %s", event == UPCALL_EVENT_OFFERED ? "offered" : "ended",
	       record->id, record->class_name, *record->key_type ? "/" : "", record->key_type,
	       *record->container ? record->container : "-");
	if (event == UPCALL_EVENT_ENDED)
		print_outcome(record);
	else
		printf(" for %s[%u]", record->comm, record->requester);
	putchar('\n');
}

static void print_json(enum upcall_event event, const struct upcall_record *record)
{
	json_open(NULL, '{');
	json_string("event", event == UPCALL_EVENT_OFFERED ? "offered" : "ended");
	describe_record_json(record);
	json_close('}');
}

/* An exit status if the output cannot be written any more. */
static int print_event(const struct verb *verb, bool json, enum upcall_event event,
		       struct upcall_record *record)
{
	if (json)
		print_json(event, record);
	else
		print_text(event, record);
	upcall_record_free(record);
	/* somebody waits for each line, also behind a pipe */
	return finish_output(verb);
}

static int broker_monitor(const struct verb *verb, bool json)
{
	struct upcall_connection *connection;
	struct upcall_record *record;
	enum upcall_event event;
	int r, status;

	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_monitor(connection);
	status = STATUS_OK;
	while (r >= 0 && status == STATUS_OK) {
		r = upcall_next_event(connection, &event, &record);
		if (r >= 0)
			status = print_event(verb, json, event, record);
	}
	if (r < 0)
		return library_failed(verb, NULL, connection, r);
	upcall_close(connection);
	return status;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct native_options arguments = { 0 };
	bool native;
	int status;

	status = take_arguments(verb, argc, argv, &native, &arguments);
	if (status >= 0)
		return status;
	json_one_line();
	return native ? native_monitor(verb, &arguments) : broker_monitor(verb, arguments.json);
}

const struct verb verb_monitor = {
	.name = "monitor",
	.arguments = "[--native [--namespaces]] [--json]",
	.summary = "Print a line for each upcall that is offered and that ends, until interrupted",
	.details =
		"  --native      instead, those that upcalld has no part in: what the kernel handles by\n"
		"                itself (\"native\": the host's, containers that nobody registered,\n"
		"                classes without a policy, what upcalld gave back), and what it refuses\n"
		"                without asking (\"refused\")\n"
		"  --namespaces  with --native: the numbers of the eight namespaces, 0 for unknown\n"
		"  --json        one object a line, of --native with all tags\n\n"
		"While a monitor is connected, upcalld does not end for want of work. One that does\n"
		"not read what it is sent is dropped: status 1.\n\n"
		"--native asks the kernel, so it needs no upcalld, but CAP_SYS_ADMIN, and the module\n"
		"cannot be unloaded meanwhile. No upcall waits for it: what is not read in time is\n"
		"lost, and a line says so.\n\n",
	.example = "upcallctl monitor --json | jq -c 'select(.event == \"ended\")'",
	.run = run,
};
