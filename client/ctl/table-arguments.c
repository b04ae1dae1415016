// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "table.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },	  { "raw", no_argument, NULL, 'r' },
	{ "noheadings", no_argument, NULL, 'n' }, { "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },	  { NULL, 0, NULL, 0 },
};

static int print_help(const struct verb *verb, const struct column_set *set)
{
	int status = print_verb_help(verb);

	puts("\ncolumns:");
	for (size_t i = 0; i < set->count; i++)
		printf("  %-11s %s\n", set->columns[i].name, set->columns[i].help);
	return status ?: finish_output(verb);
}

int table_arguments(const struct verb *verb, int argc, char **argv, const struct column_set *set,
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
			if (columns_choose(set, optarg, false, chosen) < 0)
				return usage_error(verb, "--output %s: no such column", optarg);
			format->columns = optarg;
			break;
		case 'h':
			return print_help(verb, set);
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
