// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The settings of policy files: one table, one function each
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-parser.h"
#include "policy.h"
#include "text.h"
#include "user.h"

#define NAME_GLOB    "abcdefghijklmnopqrstuvwxyz0123456789_.-*?[]!"
#define CGROUP_GLOB  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@,+=~%/-*?"
#define RUNTIME_GLOB "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@+/-*?[]!"
#define USER_CHARS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-*"
#define ALLOW_GLOB   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:,-*?[]!"

#define RUN_SEC_MAX    3600
#define CONCURRENT_MAX 64

static int parse_list(struct parser *parser, char ***list, const char *value, const char *charset)
{
	int ret = 0;

	if (!*value)
		*list = strv_free(*list);
	while (*value && ret >= 0) {
		size_t size = strcspn(value, " \t");

		if (strspn(value, charset) < size)
			return parser_fail(
				parser,
				"'%.*s' is no pattern here (comments need a line of their own)",
				(int)size, value);
		ret = strv_append(list, value, size);
		value += size;
		value += strspn(value, " \t");
	}
	return ret;
}

static int parse_name(struct parser *parser, const char *value)
{
	if (*value == '@')
		return parser_fail(parser, "Name=%s: policies for the host are not supported yet",
				   value);
	return parse_list(parser, &parser->policy->names, value, NAME_GLOB);
}

/* As the module wants it: /a/b-*.scope */
static bool is_cgroup_pattern(const char *pattern)
{
	size_t size = strlen(pattern);

	return *pattern == '/' && size < UPCALL_PATTERN_LEN && pattern[size - 1] != '/' &&
	       !strstr(pattern, "//");
}

static int parse_cgroup(struct parser *parser, const char *value)
{
	size_t known = strv_count(parser->policy->cgroups);
	int ret = parse_list(parser, &parser->policy->cgroups, value, CGROUP_GLOB);
	char **added = parser->policy->cgroups;

	if (ret < 0 || !*value)
		return ret;
	for (added += known; *added && is_cgroup_pattern(*added); added++)
		;
	if (!*added)
		return 0;
	ret = parser_fail(
		parser,
		"Cgroup=%.*s%s: no path of a cgroup: '/' and components that are not empty, less than %d bytes",
		TEXT_SHORT(*added, 128), UPCALL_PATTERN_LEN);
	/* what is kept of a bad file goes to the module, which would take none of all the others */
	for (; *added; added++) {
		free(*added);
		*added = NULL;
	}
	return ret;
}

static int parse_runtime(struct parser *parser, const char *value)
{
	return parse_list(parser, &parser->policy->runtimes, value, RUNTIME_GLOB);
}

static int refuse_user(const struct parser *parser, const char *user, int error)
{
	struct policy *policy = parser->policy;
	int ret;

	if (error == -ENOENT)
		ret = parser_fail(parser,
				  "User=%.*s%s: no user in %s; his number says the same, and * all",
				  TEXT_SHORT(user, 64), user_file);
	else
		ret = parser_fail(parser, "User=%.*s%s: %s: %s", TEXT_SHORT(user, 64), user_file,
				  strerror(-error));
	policy->doubtful = true;
	return policy->lenient ? 0 : ret;
}

/* Kept as a number: a name may be another's later, and is not looked up then. One that is left is
 * nobody's. */
static int keep_user(struct parser *parser, char **user)
{
	char number[16];
	uint32_t uid;
	int ret;

	if (!strcmp(*user, "*"))
		return 0;
	ret = user_by_name(*user, &uid);
	if (ret < 0)
		return ret == -ENOMEM ? ret : refuse_user(parser, *user, ret);
	(void)snprintf(number, sizeof(number), "%u", uid);
	free(*user);
	*user = strdup(number);
	return *user ? 0 : -ENOMEM;
}

static int parse_user(struct parser *parser, const char *value)
{
	size_t known = strv_count(parser->policy->users);
	int ret = parse_list(parser, &parser->policy->users, value, USER_CHARS);

	if (ret < 0 || !*value)
		return ret;
	for (char **added = parser->policy->users + known; *added && ret >= 0; added++)
		ret = keep_user(parser, added);
	return ret;
}

static int parse_allow(struct parser *parser, const char *value)
{
	return parse_list(parser, &parser_rule(parser)->allow, value, ALLOW_GLOB);
}

static int set_program(struct parser *parser, const char *value)
{
	struct rule *rule = parser_rule(parser);

	if (rule->class == UPCALL_CLASS_MODULE)
		return parser_fail(
			parser,
			"Handler=%s: a module request never runs a handler; native, deny or Allow=",
			value);
	if (*value != '/')
		return parser_fail(parser,
				   "Handler=%s: neither native, deny%s nor an absolute path", value,
				   rule->class == UPCALL_CLASS_KEY ? ", dns" : "");
	if (strpbrk(value, " \t"))
		return parser_fail(parser, "Handler=%s: arguments are not supported", value);
	if (strlen(value) > CONFIG_PROGRAM_MAX)
		return parser_fail(parser, "Handler=: the path is longer than %d bytes",
				   CONFIG_PROGRAM_MAX);
	rule->program = strdup(value);
	rule->handler = HANDLER_PROGRAM;
	return rule->program ? 0 : -ENOMEM;
}

static int parse_handler(struct parser *parser, const char *value)
{
	struct rule *rule = parser_rule(parser);

	free(rule->program);
	rule->program = NULL;
	if (!strcmp(value, "native"))
		rule->handler = HANDLER_NATIVE;
	else if (!strcmp(value, "deny"))
		rule->handler = HANDLER_DENY;
	else if (!strcmp(value, "dns") && rule->class == UPCALL_CLASS_KEY)
		rule->handler = HANDLER_DNS;
	else if (!strcmp(value, "dns"))
		return parser_fail(parser, "Handler=dns: answers keys only");
	else
		return set_program(parser, value);
	return 0;
}

static int parse_run_in(struct parser *parser, const char *value)
{
	bool in_host = !strcmp(value, "host");

	if (!in_host && strcmp(value, "container"))
		return parser_fail(parser, "RunIn=%s: neither container nor host", value);
	parser_rule(parser)->in_host = in_host;
	return 0;
}

static int parse_answer(struct parser *parser, const char *value)
{
	return lines_yes(&parser->lines, "Answer", value, &parser_rule(parser)->answer);
}

static int parse_run_sec(struct parser *parser, const char *value)
{
	return lines_number(&parser->lines, "RuntimeMaxSec", value, 1, RUN_SEC_MAX,
			    &parser_rule(parser)->run_sec);
}

static int parse_concurrent(struct parser *parser, const char *value)
{
	return lines_number(&parser->lines, "MaxConcurrent", value, 1, CONCURRENT_MAX,
			    &parser_rule(parser)->max_concurrent);
}

static void show_text(char *out, size_t room, const char *text)
{
	text_copy(out, room, text, strlen(text));
}

static void show_handler(const struct rule *rule, char *out, size_t room)
{
	show_text(out, room, rule_handler_name(rule));
}

static void show_run_in(const struct rule *rule, char *out, size_t room)
{
	show_text(out, room, rule_run_in_name(rule));
}

static void show_run_sec(const struct rule *rule, char *out, size_t room)
{
	(void)snprintf(out, room, "%u", rule->run_sec);
}

static void show_concurrent(const struct rule *rule, char *out, size_t room)
{
	(void)snprintf(out, room, "%u", rule->max_concurrent);
}

static void show_answer(const struct rule *rule, char *out, size_t room)
{
	show_text(out, room, rule->answer ? "yes" : "no");
}

static const struct {
	const char *name;
	enum setting bit;
	bool list; /* may be there several times, and be empty */
	int (*parse)(struct parser *parser, const char *value);
	void (*show)(const struct rule *rule, char *out, size_t room); /* NULL for a list */
} settings[] = {
	{ "Name", SET_NAME, true, parse_name, NULL },
	{ "Cgroup", SET_CGROUP, true, parse_cgroup, NULL },
	{ "Runtime", SET_RUNTIME, true, parse_runtime, NULL },
	{ "User", SET_USER, true, parse_user, NULL },
	{ "Handler", SET_HANDLER, false, parse_handler, show_handler },
	{ "RunIn", SET_RUN_IN, false, parse_run_in, show_run_in },
	{ "RuntimeMaxSec", SET_RUN_SEC, false, parse_run_sec, show_run_sec },
	{ "MaxConcurrent", SET_CONCURRENT, false, parse_concurrent, show_concurrent },
	{ "Answer", SET_ANSWER, false, parse_answer, show_answer },
	{ "Allow", SET_ALLOW, true, parse_allow, NULL },
};

static int refuse_setting(const struct parser *parser, const char *name)
{
	static const char *const later[] = { "Label" };

	for (size_t i = 0; parser->in_match && i < sizeof(later) / sizeof(later[0]); i++)
		if (!strcmp(later[i], name))
			return parser_fail(parser, "%s= in [Match] is not supported yet", name);
	return parser_fail(parser, "unknown setting %s=", name);
}

static int check_setting(const struct parser *parser, uint32_t allowed, size_t i, const char *value)
{
	const char *name = settings[i].name;

	if (!(allowed & settings[i].bit))
		return parser_fail(parser, "%s= has no meaning in this section", name);
	if (!settings[i].list && (parser->set_here & settings[i].bit))
		return parser_fail(parser, "%s= is there twice", name);
	if (!settings[i].list && !*value)
		return parser_fail(parser, "%s= has no value", name);
	return 0;
}

static void tell_setting(const struct parser *parser, const char *name, const char *value)
{
	struct config_observer *observer = parser->policy->observer;

	if (observer && observer->setting)
		observer->setting(observer, parser->policy, parser->section, parser->lines.file,
				  parser->lines.line, name, value);
}

int setting_parse(struct parser *parser, uint32_t allowed, const char *name, const char *value)
{
	int ret;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (strcmp(settings[i].name, name))
			continue;
		ret = check_setting(parser, allowed, i, value);
		if (ret < 0)
			return ret;
		parser->set_here |= settings[i].bit;
		if (parser->section)
			parser_rule(parser)->set |= settings[i].bit;
		ret = settings[i].parse(parser, value);
		if (ret >= 0)
			tell_setting(parser, name, value);
		return ret;
	}
	return refuse_setting(parser, name);
}

/* native and deny leave nothing else to say, an Allow= list no handler, dns always answers. */
static uint32_t meaningful(const struct rule *rule)
{
	uint32_t mask = section_settings(rule->class);

	if (rule->handler == HANDLER_NATIVE || rule->handler == HANDLER_DENY)
		return mask & SET_HANDLER;
	if (rule->class == UPCALL_CLASS_MODULE)
		return mask & SET_ALLOW;
	return rule->handler == HANDLER_DNS ? mask & ~(uint32_t)SET_ANSWER : mask;
}

bool rule_setting(const struct rule *rule, size_t index, struct setting_value *ret)
{
	uint32_t mask = meaningful(rule);

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (!(mask & settings[i].bit) || index-- > 0)
			continue;
		*ret = (struct setting_value){ .name = settings[i].name, .list = settings[i].list };
		if (settings[i].show)
			settings[i].show(rule, ret->value, sizeof(ret->value));
		return true;
	}
	return false;
}
