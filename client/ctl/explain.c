// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl explain: whose task a process is, or how an upcall was decided, and why
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "cleanup.h"
#include "describe.h"
#include "json.h"
#include "kin.h"
#include "number.h"
#include "stands-for.h"
#include "table.h"
#include "text.h"
#include "verb.h"

struct arguments {
	bool json;
	uint32_t pid;
	uint64_t id;
	const char *class_name; /* or NULL */
};

static const struct option options[] = {
	{ "pid", required_argument, NULL, 'p' },   { "id", required_argument, NULL, 'i' },
	{ "class", required_argument, NULL, 'c' }, { "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },	   { NULL, 0, NULL, 0 },
};

static const char *const class_names[] = { "core", "key", "module", "release-agent", "other" };

/* "key/TYPE" or a class. */
static bool is_class(const char *text)
{
	if (strncmp(text, "key/", 4) == 0)
		return text[4] && strlen(text + 4) < 32;
	for (size_t i = 0; i < sizeof(class_names) / sizeof(class_names[0]); i++)
		if (strcmp(text, class_names[i]) == 0)
			return true;
	return false;
}

/* Negative if all is well, else an exit status. */
static int take_option(const struct verb *verb, int option, char **argv,
		       struct arguments *arguments)
{
	switch (option) {
	case 'p':
		if (parse_number(optarg, 1, INT32_MAX, &arguments->pid) < 0)
			return usage_error(verb, "--pid %s: no pid", optarg);
		return -1;
	case 'i':
		if (parse_id(optarg, &arguments->id) < 0)
			return usage_error(verb, "--id %s: no id of an upcall", optarg);
		return -1;
	case 'c':
		if (!is_class(optarg))
			return usage_error(verb, "--class %s: no class", optarg);
		arguments->class_name = optarg;
		return -1;
	case 'j':
		arguments->json = true;
		return -1;
	}
	return refuse_option(verb, option, argv);
}

static int take_arguments(const struct verb *verb, int argc, char **argv,
			  struct arguments *arguments)
{
	int option, status;

	while ((option = getopt_long(argc, argv, ":hj", options, NULL)) != -1) {
		if (option == 'h')
			return print_verb_help(verb);
		status = take_option(verb, option, argv, arguments);
		if (status >= 0)
			return status;
	}
	if (argc != optind)
		return usage_error(verb, "%s: one argument too many", argv[optind]);
	if (!arguments->pid == !arguments->id)
		return usage_error(verb, "either --pid or --id has to be given");
	if (arguments->id && arguments->class_name)
		return usage_error(verb, "--class is for --pid");
	return -1;
}

/* ------------------------------------------------------------------ upcall */

static int explain_upcall(const struct verb *verb, struct upcall_connection *connection,
			  const struct arguments *arguments)
{
	struct upcall_record *record;
	char id[24];
	int r;

	r = upcall_explain(connection, arguments->id, &record);
	if (r < 0) {
		snprintf(id, sizeof(id), "%" PRIu64, arguments->id);
		return library_failed(verb, id, connection, r);
	}
	if (arguments->json) {
		json_open(NULL, '{');
		describe_record_json(record);
		json_close('}');
	} else {
		describe_record(record);
	}
	upcall_record_free(record);
	upcall_close(connection);
	return finish_output(verb);
}

/* ----------------------------------------------------------------- process */

struct explained {
	struct upcall_process *process;
	struct upcall_outlook **outlook;
	const void **rows;    /* of these, those that were asked for */
	const char *key_type; /* that was asked for, or NULL */
	struct upcall_entry **entries;
	struct kin kin;
	struct kin_step steps[KIN_STEPS];
};

/* A type that has no section of its own is what "key" says. */
static bool is_asked(const struct explained *explained, const struct upcall_outlook *outlook,
		     const char *asked)
{
	const char *type = strchr(asked ?: "", '/');

	if (!asked)
		return true;
	if (!type || strcmp(outlook->class_name, "key") != 0)
		return strcmp(outlook->class_name, asked) == 0;
	if (*outlook->key_type)
		return strcmp(outlook->key_type, type + 1) == 0;
	for (struct upcall_outlook **other = explained->outlook; *other; other++)
		if (strcmp((*other)->key_type, type + 1) == 0)
			return false;
	return true;
}

static int choose_rows(struct explained *explained, const char *asked)
{
	const char *type = strchr(asked ?: "", '/');
	size_t count = 0, used = 0;

	explained->key_type = type ? type + 1 : NULL;
	while (explained->outlook[count])
		count++;
	explained->rows = calloc(count + 1, sizeof(*explained->rows));
	if (!explained->rows)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (is_asked(explained, explained->outlook[i], asked))
			explained->rows[used++] = explained->outlook[i];
	return 0;
}

static void explained_clear(struct explained *explained)
{
	upcall_process_free(explained->process);
	upcall_outlook_free(explained->outlook);
	upcall_list_free(explained->entries);
	free(explained->rows);
}

/* The kernel's answer first: it is what counts; then what can be seen of the reasons. */
static int ask(struct upcall_connection *connection, const struct arguments *arguments, int pidfd,
	       struct explained *explained)
{
	struct kin host = { 0 };
	int r;

	r = upcall_explain_process(connection, pidfd, &explained->process, &explained->outlook);
	if (r >= 0)
		r = upcall_list(connection, &explained->entries);
	if (r >= 0)
		r = choose_rows(explained, arguments->class_name);
	if (r >= 0)
		r = kin_read(arguments->pid, &explained->kin);
	if (r >= 0)
		r = kin_read(1, &host);
	if (r >= 0)
		kin_explain(&explained->kin, &host, explained->entries, explained->steps);
	return r;
}

static uint32_t step_inode(const struct explained *explained, size_t step)
{
	const struct kin *kin = &explained->kin;
	const uint32_t inodes[KIN_STEPS] = { 0, kin->pid[0], kin->user[0], kin->mnt, kin->net };

	return inodes[step];
}

static void print_json(const struct explained *explained)
{
	const struct upcall_process *process = explained->process;

	json_open(NULL, '{');
	json_number("pid", process->pid);
	json_string("scope", process->scope);
	json_string("container", process->container);
	json_string("policy", process->policy);
	json_number("cgroup-id", process->cgroup_id);
	if (explained->key_type)
		json_string("stands-for", stands_for("key", explained->key_type));
	json_open("steps", '[');
	for (size_t i = 0; i < KIN_STEPS; i++) {
		const struct kin_step *step = &explained->steps[i];

		json_open(NULL, '{');
		json_string("by", step->by);
		if (i == 0)
			json_string("value", explained->kin.cgroup);
		else
			json_number("value", step_inode(explained, i));
		json_string("hits", step->hits);
		json_bool("counts", step->counts);
		json_string("why", step->why);
		json_close('}');
	}
	json_close(']');
	table_json(&outlook_columns, explained->rows);
	json_close('}');
}

static void print_step(const struct explained *explained, size_t i)
{
	const struct kin_step *step = &explained->steps[i];
	const char *cgroup = explained->kin.cgroup;
	/* ATTACK: its name is whatever who made it likes, and this a terminal */
	char shown[4 * sizeof(explained->kin.cgroup)] = "unknown";

	if (i == 0)
		text_show(cgroup, strlen(cgroup), shown, sizeof(shown));
	else if (step_inode(explained, i))
		snprintf(shown, sizeof(shown), "%u", step_inode(explained, i));
	if (step->count && step->counts)
		describe(step->by, "%s: %s's (%s)", shown, step->hits, step->why);
	else
		describe(step->by, "%s: %s", shown, step->why);
}

static int print_text(const struct explained *explained)
{
	const struct upcall_process *process = explained->process;
	const struct table_format format = { 0 };

	describe("process", "%u", process->pid);
	for (size_t i = 0; i < KIN_STEPS; i++)
		print_step(explained, i);
	describe("the kernel says", "%s%s%s, and that is what counts", process->scope,
		 *process->container ? " " : "", process->container);
	describe("policy", "%s",
		 *process->policy    ? process->policy :
		 *process->container ? "none matches it" :
				       "");
	if (explained->key_type)
		describe("such a key stands for", "%s",
			 stands_for_meaning(stands_for("key", explained->key_type)));
	putchar('\n');
	return table_print(&outlook_columns, explained->rows, &format);
}

static int explain_process(const struct verb *verb, struct upcall_connection *connection,
			   const struct arguments *arguments)
{
	struct explained explained = { 0 };
	cleanup_fd int pidfd = -1;
	char thing[32];
	int r, status;

	pidfd = pidfd_open((pid_t)arguments->pid, 0);
	if (pidfd < 0) {
		status = failed(verb, errno, "--pid %u", arguments->pid);
		upcall_close(connection);
		return status;
	}
	snprintf(thing, sizeof(thing), "--pid %u", arguments->pid);
	r = ask(connection, arguments, pidfd, &explained);
	if (r < 0) {
		explained_clear(&explained);
		return library_failed(verb, thing, connection, r);
	}
	if (arguments->json)
		print_json(&explained);
	else
		r = print_text(&explained);
	status = r < 0 ? failed(verb, r, "%s: cannot print it", thing) : finish_output(verb);
	explained_clear(&explained);
	upcall_close(connection);
	return status;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct arguments arguments = { 0 };
	int r, status;

	status = take_arguments(verb, argc, argv, &arguments);
	if (status >= 0)
		return status;
	r = upcall_connect(&connection);
	if (r < 0)
		return library_failed(verb, NULL, connection, r);
	if (arguments.id)
		return explain_upcall(verb, connection, &arguments);
	return explain_process(verb, connection, &arguments);
}

const struct verb verb_explain = {
	.name = "explain",
	.arguments = "--pid PID [--class CLASS] | --id ID [--json]",
	.summary = "Say whose task a process is, or how an upcall was decided, and why",
	.details =
		"  --pid PID      which of its cgroup and namespaces is whose, and what would happen\n"
		"                 to its upcalls; the kernel's answer is what counts\n"
		"  --class CLASS  only that class: core, key, key/TYPE, module, release-agent, other\n"
		"  --id ID        an upcall that is pending, or one of the last 256\n\n",
	.example = "upcallctl explain --pid 4711 --class key/user",
	.run = run,
};
