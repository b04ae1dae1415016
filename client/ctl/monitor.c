// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl monitor: a line for each event of an upcall, until interrupted
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "describe.h"
#include "json.h"
#include "simple.h"

static void print_time(uint64_t usec)
{
	time_t seconds = (time_t)(usec / 1000000);
	char text[16];
	struct tm tm;

	if (localtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%T", &tm))
		printf("%s.%03u ", text, (unsigned int)(usec / 1000 % 1000));
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
	print_time(record->at);
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

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct upcall_record *record;
	struct simple arguments;
	enum upcall_event event;
	int r, status;

	status = simple_arguments(verb, argc, argv, /* with_name= */ false, &arguments);
	if (status >= 0)
		return status;
	json_one_line();
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_monitor(connection);
	status = STATUS_OK;
	while (r >= 0 && status == STATUS_OK) {
		r = upcall_next_event(connection, &event, &record);
		if (r >= 0)
			status = print_event(verb, arguments.json, event, record);
	}
	if (r < 0)
		return library_failed(verb, NULL, connection, r);
	upcall_close(connection);
	return status;
}

const struct verb verb_monitor = {
	.name = "monitor",
	.arguments = "[--json]",
	.summary = "Print a line for each upcall that is offered and that ends, until interrupted",
	.details =
		"  --json  one object a line\n\n"
		"While a monitor is connected, upcalld does not end for want of work. One that does\n"
		"not read what it is sent is dropped: status 1.\n\n",
	.example = "upcallctl monitor --json | jq -c 'select(.event == \"ended\")'",
	.run = run,
};
