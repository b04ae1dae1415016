// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <string.h>

#include "simple.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int simple_arguments(const struct verb *verb, int argc, char **argv, bool with_name,
		     struct simple *ret)
{
	struct simple simple = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, ":hj", options, NULL)) != -1) {
		if (option == 'h')
			return print_verb_help(verb);
		if (option != 'j')
			return refuse_option(verb, option, argv);
		simple.json = true;
	}
	if (with_name && argc == optind)
		return usage_error(verb, "no %.*s given", (int)strcspn(verb->arguments, " "),
				   verb->arguments);
	if (with_name)
		simple.name = argv[optind++];
	if (argc != optind)
		return usage_error(verb, "%s: one argument too many", argv[optind]);
	*ret = simple;
	return -1;
}
