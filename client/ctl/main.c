// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl - a table of verbs, one file each, over libupcall
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "signals.h"
#include "stdio-fill.h"
#include "verb.h"

static const struct verb *const verbs[] = {
	&verb_register, &verb_unregister, &verb_list, &verb_status,  &verb_reload,  &verb_drain,
	&verb_pending,	&verb_cancel,	  &verb_show, &verb_explain, &verb_monitor, &verb_check,
	&verb_config,	&verb_doctor,	  &verb_exec, &verb_test,    &verb_run,
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const char exit_statuses[] =
	"exit status: 0 done, 1 failed, 2 wrong usage, 3 no such container, process, cgroup or\n"
	"upcall, 4 not allowed, 5 upcalld cannot be reached, 6 the kernel module is missing, 7 the upcall\n"
	"has ended already, 8 the name is taken, 9 the process is in no container, 10 it is a kernel thread\n";

int print_verb_help(const struct verb *verb)
{
	printf("usage: upcallctl %s%s%s\n\n%s.\n\n%s", verb->name, *verb->arguments ? " " : "",
	       verb->arguments, verb->summary, verb->details);
	printf("example: %s\n\n%s", verb->example, verb->statuses ?: exit_statuses);
	return finish_output(verb);
}

int finish_output(const struct verb *verb)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_OK;
	return failed(verb, errno ?: EIO, "cannot write the output");
}

static void print_help(FILE *out)
{
	fputs("usage: upcallctl VERB [ARGUMENT...]\n\n", out);
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(out, "  %-11s %s\n", verbs[i]->name, verbs[i]->summary);
	fputs("\n  --help      this, or after a verb, about the verb\n"
	      "  --version   version of upcallctl\n\n"
	      "Every verb takes --json. example: upcallctl list --json\n\n",
	      out);
	fputs(exit_statuses, out);
	fputs("exec, run and test have others: their --help says which\n", out);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

/* ORDER: before anything is opened, or forked. */
static int prepare(void)
{
	int r = stdio_fill();

	signals_take();
	setlocale(LC_ALL, "");
	if (r < 0)
		fprintf(stderr, "upcallctl: /dev/null: %s\n", strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct verb *verb;

	if (prepare() < 0)
		return STATUS_FAILED;
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		print_help(stdout);
		return STATUS_OK;
	}
	if (strcmp(name, "--version") == 0) {
		printf("upcallctl %s\n", UPCALL_VERSION);
		return STATUS_OK;
	}
	verb = find_verb(name);
	if (verb) {
		opterr = 0;
		return verb->run(verb, argc - 1, argv + 1);
	}
	if (*name)
		fprintf(stderr, "upcallctl: %s: no such verb; see 'upcallctl --help'\n", name);
	else
		print_help(stderr);
	return STATUS_USAGE;
}
