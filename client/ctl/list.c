// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl list: the containers that are registered
 */
#include <stdio.h>

#include "column.h"
#include "table.h"
#include "verb.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },	  { "raw", no_argument, NULL, 'r' },
	{ "noheadings", no_argument, NULL, 'n' }, { "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },	  { NULL, 0, NULL, 0 },
};

static int print_help(const struct verb *verb)
{
	int status = print_verb_help(verb);

	puts("\ncolumns:");
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		printf("  %-11s %s\n", columns[i].name, columns[i].help);
	return status ?: finish_output(verb);
}

/* Negative if all is well, else an exit status. */
static int take_arguments(const struct verb *verb, int argc, char **argv,
			  struct table_format *format)
{
	const struct column *chosen[COLUMNS_MAX];
	int option;

	while ((option = getopt_long(argc, argv, ":hjrno:", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			format->json = true;
			break;
		case 'r':
			format->raw = true;
			break;
		case 'n':
			format->no_headings = true;
			break;
		case 'o':
			if (columns_choose(optarg, false, chosen) < 0)
				return usage_error(verb, "--output %s: no such column", optarg);
			format->columns = optarg;
			break;
		case 'h':
			return print_help(verb);
		default:
			return refuse_option(verb, option, argv);
		}
	}
	if (argc != optind)
		return usage_error(verb, "%s: one argument too many", argv[optind]);
	if (format->json && format->raw)
		return usage_error(verb, "--json and --raw exclude each other");
	return -1;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct upcall_entry **entries = NULL;
	struct table_format format = { 0 };
	int r, status;

	status = take_arguments(verb, argc, argv, &format);
	if (status >= 0)
		return status;
	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_list(connection, &entries);
	if (r < 0)
		return library_failed(verb, NULL, connection, r);
	r = table_print(entries, &format);
	status = r < 0 ? failed(verb, r, "cannot print the table") : finish_output(verb);
	upcall_list_free(entries);
	upcall_close(connection);
	return status;
}

const struct verb verb_list = {
	.name = "list",
	.arguments = "[--json | --raw] [--noheadings] [--output COLUMN,...]",
	.summary = "Show the containers that are registered",
	.details = "  --json             all columns, as JSON\n"
		   "  --raw              no alignment, for scripts\n"
		   "  --noheadings       no line with the columns' names\n"
		   "  --output COLUMN,.. which columns, in which order\n\n",
	.example = "upcallctl list --output NAME,LEADER,CGROUP",
	.run = run,
};
