// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl check: what is wrong in policy files and in upcalld.conf, all of it
 *
 * The daemon's own parser, so what is said here is what the daemon would say;
 * it stops at the first error, this does not.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "daemon-config.h"
#include "json.h"
#include "policies.h"
#include "text.h"
#include "verb.h"

struct arguments {
	bool json;
	char **directories;
};

struct report {
	struct config_observer observer;
	bool json;
	unsigned int errors;
};

static const struct option options[] = {
	{ "config-dir", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void on_error(struct config_observer *observer, const char *file, unsigned int line,
		     const char *reason)
{
	struct report *report = (struct report *)observer;

	report->errors++;
	if (!report->json) {
		policies_print_error(stdout, file, line, reason);
		return;
	}
	json_open(NULL, '{');
	json_string("file", file);
	json_number("line", line);
	json_string("reason", reason);
	json_close('}');
}

/* Negative if all is well, else an exit status. */
static int take_arguments(const struct verb *verb, int argc, char **argv,
			  struct arguments *arguments)
{
	int option;

	while ((option = getopt_long(argc, argv, ":hjc:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			if (policies_add_directory(&arguments->directories, optarg) < 0)
				return failed(verb, ENOMEM, "--config-dir");
			break;
		case 'j':
			arguments->json = true;
			break;
		case 'h':
			return print_verb_help(verb);
		default:
			return refuse_option(verb, option, argv);
		}
	}
	if (argc != optind && arguments->directories)
		return usage_error(verb, "FILE and --config-dir exclude each other");
	return -1;
}

static int check_own(struct config_observer *observer)
{
	struct daemon_config own;
	char **directories = NULL;
	int r;

	r = daemon_config_directories(&directories);
	if (r >= 0)
		r = daemon_config_observe(directories, observer, &own);
	strv_free(directories);
	return r;
}

static int check_directories(struct arguments *arguments, struct config_observer *observer)
{
	struct config *config;
	int r = 0;

	if (!arguments->directories) {
		r = check_own(observer);
		if (r >= 0)
			r = config_directories(&arguments->directories);
	}
	if (r >= 0)
		r = config_observe(arguments->directories, observer, &config);
	if (r >= 0)
		config_unref(config);
	return r;
}

/* A file that is not read because of its name looks like one that has no effect. */
static void note_names(const struct report *report, const char *directory)
{
	cleanup_dir DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || text_ends_with(entry->d_name, ".conf") ||
		    text_ends_with(entry->d_name, ".conf.d") ||
		    snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >=
			    (int)sizeof(path))
			continue;
		if (report->json)
			json_string(NULL, path);
		else
			policies_print_error(stderr, path, 0,
					     "note: not read, its name does not end in .conf");
	}
}

static void note_left_out(const struct report *report, char *const *directories)
{
	if (!directories)
		return;
	if (report->json)
		json_open("left-out", '[');
	for (; *directories; directories++)
		note_names(report, *directories);
	if (report->json)
		json_close(']');
}

static int check_files(char **files, struct config_observer *observer)
{
	int r = 0;

	for (; *files && r >= 0; files++)
		r = daemon_config_is(*files) ? daemon_config_observe_file(*files, observer) :
					       config_observe_file(*files, observer);
	return r;
}

static int check(const struct verb *verb, struct arguments *arguments, char **files)
{
	struct report report = { .observer.error = on_error, .json = arguments->json };
	int r, status;

	if (report.json) {
		json_open(NULL, '{');
		json_open("errors", '[');
	}
	if (*files)
		r = check_files(files, &report.observer);
	else
		r = check_directories(arguments, &report.observer);
	if (report.json)
		json_close(']');
	note_left_out(&report, arguments->directories);
	if (report.json)
		json_close('}');
	if (r < 0)
		return failed(verb, r, "not everything could be read");
	status = finish_output(verb);
	return status ?: report.errors ? STATUS_FAILED : STATUS_OK;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status;

	status = take_arguments(verb, argc, argv, &arguments);
	if (status < 0)
		status = check(verb, &arguments, argv + optind);
	strv_free(arguments.directories);
	return status;
}

const struct verb verb_check = {
	.name = "check",
	.arguments = "[--config-dir DIR... | FILE...] [--json]",
	.summary =
		"Say what is wrong in policies and upcalld.conf: FILE:LINE: reason, status 1 if anything is",
	.details =
		"Without FILE: upcalld.conf and all of the policies, as upcalld would read them;\n"
		"also owners and modes, and on stderr which files are not read because of their\n"
		"names. With FILE: only what is in it, wherever it is; a file in NAME.conf.d is not\n"
		"checked together with NAME.conf then. A FILE that is called upcalld.conf, or is in\n"
		"upcalld.conf.d, is the daemon's, unless that is in a directory that ends in .d.\n"
		"Neither daemon nor module is needed.\n\n"
		"  --config-dir DIR   policies there only, instead of upcalld.d in /usr/lib, /run\n"
		"                     and /etc; may be repeated, later ones win\n\n",
	.example = "upcallctl check web.conf && cp web.conf /etc/upcalld.d && upcallctl reload",
	.run = run,
};
