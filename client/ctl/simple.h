/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of the verbs that have --json and at most a NAME, or an ID. */
#ifndef UPCALLCTL_SIMPLE_H
#define UPCALLCTL_SIMPLE_H

#include "verb.h"

struct simple {
	bool json;
	const char *name; /* what the verb's `arguments` begin with; NULL where it takes none */
};

/* Negative if all is well, else an exit status. */
int simple_arguments(const struct verb *verb, int argc, char **argv, bool with_name,
		     struct simple *ret);

#endif
