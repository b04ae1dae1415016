// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl status: does it work, and if not, what is missing
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "installed.h"
#include "json.h"
#include "simple.h"

static bool begins_class(const struct upcall_daemon *daemon, const struct upcall_tally *count)
{
	return count == daemon->upcalls || strcmp(count->class_name, count[-1].class_name) != 0;
}

/* {"core": {"native": 0, ...}, ...} */
static void print_upcalls_json(const struct upcall_daemon *daemon)
{
	json_open("upcalls", '{');
	for (const struct upcall_tally *count = daemon->upcalls; count->class_name; count++) {
		if (begins_class(daemon, count) && count != daemon->upcalls)
			json_close('}');
		if (begins_class(daemon, count))
			json_open(count->class_name, '{');
		json_number(count->ending, count->count);
	}
	if (daemon->upcalls->class_name)
		json_close('}');
	json_close('}');
}

/* "key              3 native, 2 offered, 2 done": what there was none of is left out. */
static void print_upcalls(const struct upcall_daemon *daemon)
{
	const char *printed = NULL;

	for (const struct upcall_tally *count = daemon->upcalls; count->class_name; count++) {
		if (!count->count)
			continue;
		if (printed && !strcmp(printed, count->class_name))
			printf(", %" PRIu64 " %s", count->count, count->ending);
		else
			printf("%s%-16s %" PRIu64 " %s", printed ? "\n" : "", count->class_name,
			       count->count, count->ending);
		printed = count->class_name;
	}
	if (printed)
		putchar('\n');
}

#define VERSION_SIZE 64

static void print_json(const struct upcall_daemon *daemon, const char *installed)
{
	json_open(NULL, '{');
	json_string("version", daemon->version);
	json_bool("shim", daemon->shim);
	json_string("shim-version", daemon->shim_version);
	json_string("shim-installed", installed);
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
	print_upcalls_json(daemon);
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

/* What is loaded stays so when a package brings another. */
static void print_module(const struct upcall_daemon *daemon, const char *installed)
{
	if (!daemon->shim)
		printf("%-16s missing: %s\n", "module", daemon->shim_error);
	else if (strcmp(daemon->shim_version, installed) != 0)
		printf("%-16s %s (%s%s)\n", "module", daemon->shim_version,
		       *installed ? "installed: " : "none is installed for this kernel", installed);
	else
		printf("%-16s %s\n", "module", daemon->shim_version);
}

static void print_text(const struct upcall_daemon *daemon, const char *installed)
{
	printf("%-16s %s%s\n", "upcalld", daemon->version,
	       daemon->standalone ? " (standalone)" : "");
	print_module(daemon, installed);
	print_number("containers", daemon->containers);
	print_number("pending", daemon->pending);
	print_number("served", daemon->served);
	print_number("failed", daemon->failed);
	print_number("refused", daemon->refused);
	print_number("events lost", daemon->enobufs);
	print_number("foreign events", daemon->bad_sender);
	print_upcalls(daemon);
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
	char installed[VERSION_SIZE];
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
	installed_module_version(installed, sizeof(installed));
	if (arguments.json)
		print_json(daemon, installed);
	else
		print_text(daemon, installed);
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
