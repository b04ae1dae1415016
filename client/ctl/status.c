// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl status: does it work, and if not, what is missing
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "json.h"
#include "simple.h"

static void print_json(const struct upcall_daemon *daemon)
{
	json_open(NULL, '{');
	json_string("version", daemon->version);
	json_bool("shim", daemon->shim);
	json_string("shim-version", daemon->shim_version);
	json_string("shim-error", daemon->shim_error);
	json_number("containers", daemon->containers);
	json_number("pending", daemon->pending);
	json_number("served", daemon->served);
	json_number("failed", daemon->failed);
	json_number("refused", daemon->refused);
	json_number("enobufs", daemon->enobufs);
	json_number("bad-sender", daemon->bad_sender);
	json_string("core-pattern", daemon->core_pattern);
	json_number("core-pipe-limit", daemon->core_pipe_limit);
	json_strings("warnings", daemon->warnings);
	json_bool("standalone", daemon->standalone);
	json_string("config-error", daemon->config_error);
	json_number("config-read", daemon->config_read);
	json_close('}');
}

static void print_number(const char *key, uint64_t value)
{
	printf("%-16s %" PRIu64 "\n", key, value);
}

/* What the files say since then is not known here; doctor compares. */
static void print_configuration(const struct upcall_daemon *daemon)
{
	time_t seconds = (time_t)(daemon->config_read / 1000000);
	char text[64] = "as last read";
	struct tm tm;

	if (daemon->config_read && gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "read at %FT%TZ", &tm);
	printf("%-16s %s\n", "configuration", *daemon->config_error ? daemon->config_error : text);
}

static void print_text(const struct upcall_daemon *daemon)
{
	printf("%-16s %s%s\n", "upcalld", daemon->version,
	       daemon->standalone ? " (standalone)" : "");
	if (daemon->shim)
		printf("%-16s %s\n", "module", daemon->shim_version);
	else
		printf("%-16s missing: %s\n", "module", daemon->shim_error);
	print_number("containers", daemon->containers);
	print_number("pending", daemon->pending);
	print_number("served", daemon->served);
	print_number("failed", daemon->failed);
	print_number("refused", daemon->refused);
	print_number("events lost", daemon->enobufs);
	print_number("foreign events", daemon->bad_sender);
	printf("%-16s %s\n", "core_pattern", daemon->core_pattern);
	print_number("core_pipe_limit", daemon->core_pipe_limit);
	print_configuration(daemon);
	for (const char *const *warning = daemon->warnings; *warning; warning++)
		printf("%-16s %s\n", "warning", *warning);
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct upcall_daemon *daemon = NULL;
	struct simple arguments;
	int r, status;

	status = simple_arguments(verb, argc, argv, /* with_name= */ false, &arguments);
	if (status >= 0)
		return status;
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_status(connection, &daemon);
	if (r < 0)
		return library_failed(verb, NULL, connection, r);
	if (arguments.json)
		print_json(daemon);
	else
		print_text(daemon);
	status = finish_output(verb);
	if (status == STATUS_OK && !daemon->shim)
		status = STATUS_NO_MODULE;
	upcall_daemon_free(daemon);
	upcall_close(connection);
	return status;
}

const struct verb verb_status = {
	.name = "status",
	.arguments = "[--json]",
	.summary = "Say whether daemon and kernel module work, and what is missing",
	.details = "",
	.example = "upcallctl status --json",
	.run = run,
};
