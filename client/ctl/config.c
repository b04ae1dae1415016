// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl config: what is in effect, and the line that says so
 *
 * Read from the files, not asked of the daemon: it is what the next start, or
 * the next reload, would take.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon-config.h"
#include "json.h"
#include "policies.h"
#include "policy.h"
#include "text.h"
#include "user.h"
#include "verb.h"

#define WIDTH 44

struct arguments {
	bool json;
	const char *name;    /* of a container, or NULL: all policies */
	const char *runtime; /* its, or NULL */
	uint32_t uid;	     /* who registers it */
	bool for_one;	     /* one of these two is given */
	char **directories;
};

/* A line that was taken. */
struct line {
	const struct policy *policy; /* NULL: the daemon's own */
	size_t section;
	char *file;
	unsigned int number;
	char *name;
	char *value;
};

struct reader {
	struct config_observer observer;
	struct line *lines;
	size_t count;
	unsigned int errors;
	bool no_memory;
};

/* upcalld.conf */
struct own {
	bool asked_for;
	bool bad;
	struct daemon_config settings;
};

static const struct option options[] = {
	{ "config-dir", required_argument, NULL, 'c' },
	{ "runtime", required_argument, NULL, 'r' },
	{ "user", required_argument, NULL, 'u' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* ---------------------------------------------------------------- reading */

static void on_error(struct config_observer *observer, const char *file, unsigned int line,
		     const char *reason)
{
	struct reader *reader = (struct reader *)observer;

	reader->errors++;
	fputs("upcallctl: config: ", stderr);
	policies_print_error(stderr, file, line, reason);
}

static void on_setting(struct config_observer *observer, const struct policy *policy,
		       size_t section, const char *file, unsigned int number, const char *name,
		       const char *value)
{
	struct reader *reader = (struct reader *)observer;
	struct line *longer, *line;

	longer = reallocarray(reader->lines, reader->count + 1, sizeof(*longer));
	if (!longer) {
		reader->no_memory = true;
		return;
	}
	reader->lines = longer;
	line = &longer[reader->count++];
	*line = (struct line){ .policy = policy,
			       .section = section,
			       .file = strdup(file),
			       .number = number,
			       .name = strdup(name),
			       .value = strdup(value) };
	if (!line->file || !line->name || !line->value)
		reader->no_memory = true;
}

static void reader_free(struct reader *reader)
{
	for (size_t i = 0; i < reader->count; i++) {
		free(reader->lines[i].file);
		free(reader->lines[i].name);
		free(reader->lines[i].value);
	}
	free(reader->lines);
}

static bool line_is(const struct line *line, const struct policy *policy, size_t section,
		    const char *name)
{
	return line->policy == policy && line->section == section && !strcmp(line->name, name);
}

/* ---------------------------------------------------------------- printing */

/* line is NULL for a default. */
static void print_setting(bool json, const char *name, const char *value, const struct line *line)
{
	char text[4 * CONFIG_LINE_MAX];

	if (json) {
		json_open(NULL, '{');
		json_string("name", name);
		json_string("value", value);
		json_bool("default", !line);
		json_string("file", line ? line->file : "");
		json_number("line", line ? line->number : 0);
		json_close('}');
		return;
	}
	text_escape(value, strlen(value), text, sizeof(text));
	printf("    %s=%s%*s  ", name, text,
	       (int)(strlen(name) + strlen(text) < WIDTH ? WIDTH - strlen(name) - strlen(text) : 0),
	       "");
	if (!line) {
		puts("default");
		return;
	}
	text_escape(line->file, strlen(line->file), text, sizeof(text));
	printf("%s:%u\n", text, line->number);
}

static void print_list(const struct reader *reader, bool json, const struct policy *policy,
		       size_t section, const char *name)
{
	size_t first = 0;
	bool empty = true;

	/* an empty value empties the list */
	for (size_t i = 0; i < reader->count; i++)
		if (line_is(&reader->lines[i], policy, section, name) && !*reader->lines[i].value)
			first = i + 1;
	for (size_t i = first; i < reader->count; i++) {
		if (!line_is(&reader->lines[i], policy, section, name))
			continue;
		print_setting(json, name, reader->lines[i].value, &reader->lines[i]);
		empty = false;
	}
	if (empty)
		print_setting(json, name, "", first ? &reader->lines[first - 1] : NULL);
}

static void print_value(const struct reader *reader, bool json, const struct policy *policy,
			size_t section, const struct setting_value *value)
{
	const struct line *last = NULL;

	for (size_t i = 0; i < reader->count; i++)
		if (line_is(&reader->lines[i], policy, section, value->name))
			last = &reader->lines[i];
	print_setting(json, value->name, value->value, last);
}

static void open_section(bool json, const char *title)
{
	if (!json) {
		printf("  [%s]\n", title);
		return;
	}
	json_open(NULL, '{');
	json_string("section", title);
	json_open("settings", '[');
}

static void close_section(bool json)
{
	if (!json)
		return;
	json_close(']');
	json_close('}');
}

static void print_rule(const struct reader *reader, bool json, const struct policy *policy,
		       size_t index)
{
	const struct rule *rule = &policy->rules[index];
	char title[CONFIG_TITLE_SIZE];
	struct setting_value value;

	rule_title(rule, title);
	open_section(json, title);
	for (size_t i = 0; rule_setting(rule, i, &value); i++) {
		if (value.list)
			print_list(reader, json, policy, index + 1, value.name);
		else
			print_value(reader, json, policy, index + 1, &value);
	}
	close_section(json);
}

static void print_sections(const struct reader *reader, bool json, const struct policy *policy)
{
	open_section(json, "Match");
	if (policy->names)
		print_list(reader, json, policy, 0, "Name");
	if (policy->cgroups)
		print_list(reader, json, policy, 0, "Cgroup");
	if (policy->runtimes)
		print_list(reader, json, policy, 0, "Runtime");
	if (policy->users)
		print_list(reader, json, policy, 0, "User");
	close_section(json);
	for (size_t i = 0; i < policy->rules_count; i++)
		print_rule(reader, json, policy, i);
}

static void print_own_value(const struct reader *reader, bool json, const char *name,
			    const char *text)
{
	struct setting_value value = { .name = name };

	text_copy(value.value, sizeof(value.value), text, strlen(text));
	print_value(reader, json, NULL, 0, &value);
}

static void print_own_settings(const struct reader *reader, bool json,
			       const struct daemon_config *own)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", own->idle_sec);
	print_own_value(reader, json, "IdleExitSec", text);
	print_own_value(reader, json, "RequireShim", own->require_shim ? "yes" : "no");
}

static void print_own(const struct reader *reader, bool json, const struct own *own)
{
	if (json) {
		json_open("daemon", '{');
		json_bool("bad", own->bad);
		json_open("settings", '[');
		if (!own->bad)
			print_own_settings(reader, json, &own->settings);
		json_close(']');
		json_close('}');
		return;
	}
	puts("upcalld.conf");
	if (own->bad) {
		puts("  has errors: a daemon that starts now has its defaults; one that runs keeps what it has");
		return;
	}
	open_section(json, "Daemon");
	print_own_settings(reader, json, &own->settings);
}

static void print_json(const struct reader *reader, const struct policy *policy)
{
	json_open(NULL, '{');
	json_string("file", policy->file ?: "");
	json_bool("bad", policy->bad);
	json_strings("names", (const char *const *)policy->names);
	json_strings("cgroups", (const char *const *)policy->cgroups);
	json_strings("runtimes", (const char *const *)policy->runtimes);
	json_strings("users", (const char *const *)policy->users);
	json_open("sections", '[');
	if (!policy->bad)
		print_sections(reader, true, policy);
	json_close(']');
	json_close('}');
}

static void print_text(const struct reader *reader, const struct policy *policy)
{
	char text[CONFIG_ERROR_SIZE];

	text_escape(policy->file ?: "", strlen(policy->file ?: ""), text, sizeof(text));
	puts(text);
	if (!policy->bad) {
		print_sections(reader, false, policy);
		return;
	}
	fputs("  has errors: a daemon that starts now refuses every upcall of", stdout);
	for (char **name = policy->names; name && *name; name++)
		printf(" %s", *name);
	for (char **cgroup = policy->cgroups; cgroup && *cgroup; cgroup++)
		printf(" %s", *cgroup);
	for (char **runtime = policy->runtimes; runtime && *runtime; runtime++)
		printf(" %s", *runtime);
	for (char **user = policy->users; user && *user; user++)
		printf(" user %s", *user);
	puts("; one that runs keeps what it has");
}

static void print(const struct reader *reader, const struct own *own, const struct config *config,
		  const struct arguments *arguments)
{
	const struct policy *only = NULL;

	if (arguments->name)
		only = policy_select(config,
				     &(struct policy_subject){ .name = arguments->name,
							       .runtime = arguments->runtime,
							       .uid = arguments->uid });
	if (arguments->json) {
		json_open(NULL, '{');
	}
	if (own->asked_for)
		print_own(reader, arguments->json, own);
	if (arguments->json)
		json_open("policies", '[');
	for (size_t i = 0; i < config->count; i++) {
		if (arguments->name && &config->policies[i] != only)
			continue;
		if (arguments->json)
			print_json(reader, &config->policies[i]);
		else
			print_text(reader, &config->policies[i]);
	}
	if (arguments->json) {
		json_close(']');
		json_close('}');
	} else if (arguments->name && !only) {
		printf("%s: no policy names it; its upcalls are the kernel's own, as without upcalld%s\n",
		       arguments->name,
		       config_has_cgroups(config) ? ", unless it is in a cgroup that one names" :
						    "");
	}
}

/* ------------------------------------------------------------------- verb */

static int take_user(const struct verb *verb, struct arguments *arguments)
{
	int r = user_by_name(optarg, &arguments->uid);

	arguments->for_one = true;
	return r < 0 ? usage_error(verb, "--user %s: %s", optarg,
				   r == -ENOENT ? "no such user" : strerror(-r)) :
		       -1;
}

/* Negative if all is well, else an exit status. */
static int take_arguments(const struct verb *verb, int argc, char **argv,
			  struct arguments *arguments)
{
	int option, status;

	while ((option = getopt_long(argc, argv, ":hjc:r:u:", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			arguments->runtime = optarg;
			arguments->for_one = true;
			break;
		case 'u':
			status = take_user(verb, arguments);
			if (status >= 0)
				return status;
			break;
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
	if (argc > optind)
		arguments->name = argv[optind++];
	if (argc != optind)
		return usage_error(verb, "%s: one argument too many", argv[optind]);
	if (arguments->name && !text_is_name(arguments->name))
		return usage_error(verb, "%s: no container can have that name", arguments->name);
	if (arguments->for_one && !arguments->name)
		return usage_error(verb, "--user and --runtime are about a NAME");
	return -1;
}

static int read_own(struct reader *reader, struct own *own)
{
	char **directories = NULL;
	int r;

	r = daemon_config_directories(&directories);
	if (r >= 0)
		r = daemon_config_observe(directories, &reader->observer, &own->settings);
	own->bad = reader->errors != 0;
	strv_free(directories);
	return r;
}

static int show(const struct verb *verb, struct arguments *arguments)
{
	struct reader reader = { .observer = { .error = on_error, .setting = on_setting } };
	struct own own = { .asked_for = !arguments->name && !arguments->directories };
	struct config *config = NULL;
	int r = 0, status;

	if (own.asked_for)
		r = read_own(&reader, &own);
	if (r >= 0 && !arguments->directories)
		r = config_directories(&arguments->directories);
	if (r >= 0)
		r = config_observe(arguments->directories, &reader.observer, &config);
	if (r >= 0 && reader.no_memory)
		r = -ENOMEM;
	if (r >= 0)
		print(&reader, &own, config, arguments);
	config_unref(config);
	reader_free(&reader);
	if (r < 0)
		return failed(verb, r, "cannot read the configuration");
	status = finish_output(verb);
	return status ?: reader.errors ? STATUS_FAILED : STATUS_OK;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status;

	status = take_arguments(verb, argc, argv, &arguments);
	if (status < 0)
		status = show(verb, &arguments);
	strv_free(arguments.directories);
	return status;
}

const struct verb verb_config = {
	.name = "config",
	.arguments = "[NAME [--user USER] [--runtime NAME]] [--config-dir DIR...] [--json]",
	.summary = "Show what policies say, with defaults, and the file and line of each setting",
	.details =
		"With NAME: only the policy that a container of that name would get; without it,\n"
		"upcalld.conf, too. Neither daemon nor module is needed. Errors are told on stderr, status 1 if there are any.\n"
		"Handler=kernel means that none is set: the kernel's own program and arguments.\n\n"
		"  --config-dir DIR   policies there only, instead of upcalld.d in /usr/lib, /run\n"
		"                     and /etc; may be repeated, later ones win\n"
		"  --user USER        an ordinary user's container, by name or number; default: root's\n"
		"  --runtime NAME     what has made it says so of itself\n\n",
	.example = "upcallctl config web-1",
	.run = run,
};
