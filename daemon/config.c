// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parser of one policy file
 *
 * Our own, because a policy is a security boundary: the packaged INI libraries
 * cut long values, pass what they do not know, or take "yes" for a number.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "text.h"

#define NAME_GLOB    "abcdefghijklmnopqrstuvwxyz0123456789_.-*?[]!"
#define ALLOW_GLOB   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:,-*?[]!"
#define KEY_TYPE_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

#define RUN_SEC_MAX    3600
#define RUN_SEC_CORE   300
#define RUN_SEC	       30
#define CONCURRENT_MAX 64
#define CONCURRENT     4

enum setting {
	SET_HANDLER = 1 << 0,
	SET_RUN_IN = 1 << 1,
	SET_RUN_SEC = 1 << 2,
	SET_CONCURRENT = 1 << 3,
	SET_ANSWER = 1 << 4,
	SET_ALLOW = 1 << 5,
	SET_NAME = 1 << 6,
};

#define SET_OF_ALL (SET_HANDLER | SET_RUN_IN | SET_RUN_SEC | SET_CONCURRENT)

struct parser {
	struct policy *policy;
	const char *file;
	unsigned int line;
	bool in_match;
	size_t section;	      /* index of the rule + 1; 0: none yet, or [Match] */
	uint32_t set_here;    /* in this section of this file */
	char **seen_sections; /* titles */
	char *error;
};

static int __attribute__((format(printf, 2, 3)))
fail(const struct parser *parser, const char *format, ...)
{
	char reason[CONFIG_ERROR_SIZE / 2];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	(void)snprintf(parser->error, CONFIG_ERROR_SIZE, "%s:%u: %s", parser->file, parser->line,
		       reason);
	return -EINVAL;
}

static struct rule *current_rule(const struct parser *parser)
{
	return &parser->policy->rules[parser->section - 1];
}

/* --------------------------------------------------------------- settings */

static int parse_list(struct parser *parser, char ***list, const char *value, const char *charset)
{
	int ret = 0;

	if (!*value)
		*list = strv_free(*list);
	while (*value && ret >= 0) {
		size_t size = strcspn(value, " \t");

		if (strspn(value, charset) < size)
			return fail(parser,
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
		return fail(parser, "Name=%s: policies for the host are not supported yet", value);
	return parse_list(parser, &parser->policy->names, value, NAME_GLOB);
}

static int parse_allow(struct parser *parser, const char *value)
{
	return parse_list(parser, &current_rule(parser)->allow, value, ALLOW_GLOB);
}

static int set_program(struct parser *parser, const char *value)
{
	struct rule *rule = current_rule(parser);

	if (rule->class == UPCALL_CLASS_MODULE)
		return fail(
			parser,
			"Handler=%s: a module request never runs a handler; native, deny or Allow=",
			value);
	if (*value != '/')
		return fail(parser, "Handler=%s: neither native, deny%s nor an absolute path",
			    value, rule->class == UPCALL_CLASS_KEY ? ", dns" : "");
	if (strpbrk(value, " \t"))
		return fail(parser, "Handler=%s: arguments are not supported", value);
	if (strlen(value) > CONFIG_PROGRAM_MAX)
		return fail(parser, "Handler=: the path is longer than %d bytes",
			    CONFIG_PROGRAM_MAX);
	rule->program = strdup(value);
	rule->handler = HANDLER_PROGRAM;
	return rule->program ? 0 : -ENOMEM;
}

static int parse_handler(struct parser *parser, const char *value)
{
	struct rule *rule = current_rule(parser);

	free(rule->program);
	rule->program = NULL;
	if (!strcmp(value, "native"))
		rule->handler = HANDLER_NATIVE;
	else if (!strcmp(value, "deny"))
		rule->handler = HANDLER_DENY;
	else if (!strcmp(value, "dns") && rule->class == UPCALL_CLASS_KEY)
		rule->handler = HANDLER_DNS;
	else if (!strcmp(value, "dns"))
		return fail(parser, "Handler=dns: answers keys only");
	else
		return set_program(parser, value);
	return 0;
}

static int parse_run_in(struct parser *parser, const char *value)
{
	bool in_host = !strcmp(value, "host");

	if (!in_host && strcmp(value, "container"))
		return fail(parser, "RunIn=%s: neither container nor host", value);
	current_rule(parser)->in_host = in_host;
	return 0;
}

static int parse_answer(struct parser *parser, const char *value)
{
	bool yes = !strcmp(value, "yes");

	if (!yes && strcmp(value, "no"))
		return fail(parser, "Answer=%s: neither yes nor no", value);
	current_rule(parser)->answer = yes;
	return 0;
}

static int parse_number(struct parser *parser, const char *name, const char *value,
			unsigned int max, unsigned int *ret)
{
	uint64_t number;

	if (text_number(value, 1, max, &number) < 0)
		return fail(parser, "%s=%s: no number from 1 to %u", name, value, max);
	*ret = (unsigned int)number;
	return 0;
}

static int parse_run_sec(struct parser *parser, const char *value)
{
	return parse_number(parser, "RuntimeMaxSec", value, RUN_SEC_MAX,
			    &current_rule(parser)->run_sec);
}

static int parse_concurrent(struct parser *parser, const char *value)
{
	return parse_number(parser, "MaxConcurrent", value, CONCURRENT_MAX,
			    &current_rule(parser)->max_concurrent);
}

static const struct {
	const char *name;
	enum setting bit;
	bool list; /* may be there several times, and be empty */
	int (*parse)(struct parser *parser, const char *value);
} settings[] = {
	{ "Name", SET_NAME, true, parse_name },
	{ "Handler", SET_HANDLER, false, parse_handler },
	{ "RunIn", SET_RUN_IN, false, parse_run_in },
	{ "RuntimeMaxSec", SET_RUN_SEC, false, parse_run_sec },
	{ "MaxConcurrent", SET_CONCURRENT, false, parse_concurrent },
	{ "Answer", SET_ANSWER, false, parse_answer },
	{ "Allow", SET_ALLOW, true, parse_allow },
};

/* --------------------------------------------------------------- sections */

static const struct {
	const char *title;
	uint32_t class;
	uint32_t settings;
} sections[] = {
	{ "Core", UPCALL_CLASS_CORE, SET_OF_ALL },
	{ "Key", UPCALL_CLASS_KEY, SET_OF_ALL | SET_ANSWER },
	{ "Module", UPCALL_CLASS_MODULE, SET_HANDLER | SET_ALLOW },
	{ "Release-Agent", UPCALL_CLASS_RELEASE_AGENT, SET_OF_ALL },
	{ "Other", UPCALL_CLASS_OTHER, SET_OF_ALL },
};

static uint32_t settings_of(uint32_t class)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (sections[i].class == class)
			return sections[i].settings;
	return 0;
}

/* The rule of that section: the one that an earlier file began, or a new one. */
static int enter_rule(struct parser *parser, uint32_t class, const char *key_type)
{
	struct policy *policy = parser->policy;
	struct rule *longer;
	size_t i;

	for (i = 0; i < policy->rules_count; i++)
		if (policy->rules[i].class == class && !strcmp(policy->rules[i].key_type, key_type))
			break;
	parser->section = i + 1;
	if (i < policy->rules_count)
		return 0;
	longer = reallocarray(policy->rules, i + 1, sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	policy->rules = longer;
	policy->rules_count++;
	longer[i] = (struct rule){
		.class = class,
		.run_sec = class == UPCALL_CLASS_CORE ? RUN_SEC_CORE : RUN_SEC,
		.max_concurrent = CONCURRENT,
		.line = parser->line,
	};
	text_copy(longer[i].key_type, sizeof(longer[i].key_type), key_type, strlen(key_type));
	return 0;
}

static int enter_key(struct parser *parser, const char *type)
{
	size_t size = strlen(type), types = 0;

	if (!size || size >= UPCALL_KEY_TYPE_LEN || strspn(type, KEY_TYPE_SET) != size)
		return fail(parser, "[Key %s]: no name of a key type", type);
	for (size_t i = 0; i < parser->policy->rules_count; i++)
		types += parser->policy->rules[i].key_type[0] &&
			 strcmp(parser->policy->rules[i].key_type, type);
	if (types >= UPCALL_KEY_RULES)
		return fail(parser, "[Key %s]: more than %d key types", type, UPCALL_KEY_RULES);
	return enter_rule(parser, UPCALL_CLASS_KEY, type);
}

static int enter_section(struct parser *parser, const char *title)
{
	for (char **seen = parser->seen_sections; seen && *seen; seen++)
		if (!strcmp(*seen, title))
			return fail(parser, "[%s] is there twice", title);
	if (strv_append(&parser->seen_sections, title, strlen(title)) < 0)
		return -ENOMEM;
	parser->section = 0;
	parser->set_here = 0;
	parser->in_match = !strcmp(title, "Match");
	if (parser->in_match)
		return 0;
	if (!strncmp(title, "Key ", 4))
		return enter_key(parser, title + 4);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (!strcmp(sections[i].title, title))
			return enter_rule(parser, sections[i].class, "");
	return fail(parser, "unknown section [%s]", title);
}

/* ------------------------------------------------------------------ lines */

static int refuse_setting(const struct parser *parser, const char *name)
{
	static const char *const later[] = { "Label", "Runtime", "User", "Cgroup" };

	for (size_t i = 0; parser->in_match && i < sizeof(later) / sizeof(later[0]); i++)
		if (!strcmp(later[i], name))
			return fail(parser, "%s= in [Match] is not supported yet", name);
	return fail(parser, "unknown setting %s=", name);
}

static int parse_setting(struct parser *parser, const char *name, const char *value)
{
	uint32_t allowed;

	if (!parser->in_match && !parser->section)
		return fail(parser, "%s= before any section", name);
	allowed = parser->in_match ? SET_NAME : settings_of(current_rule(parser)->class);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (strcmp(settings[i].name, name))
			continue;
		if (!(allowed & settings[i].bit))
			return fail(parser, "%s= has no meaning in this section", name);
		if (!settings[i].list && (parser->set_here & settings[i].bit))
			return fail(parser, "%s= is there twice", name);
		if (!settings[i].list && !*value)
			return fail(parser, "%s= has no value", name);
		parser->set_here |= settings[i].bit;
		if (parser->section)
			current_rule(parser)->set |= settings[i].bit;
		return settings[i].parse(parser, value);
	}
	return refuse_setting(parser, name);
}

static char *trim(char *text)
{
	size_t size;

	text += strspn(text, " \t");
	size = strlen(text);
	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
		text[--size] = '\0';
	return text;
}

static int parse_line(struct parser *parser, char *line)
{
	char *text = trim(line), *value;
	size_t size = strlen(text);

	if (!size || *text == '#' || *text == ';')
		return 0;
	if (*text == '[') {
		if (text[size - 1] != ']')
			return fail(parser, "'%.64s' is no section", text);
		text[size - 1] = '\0';
		return enter_section(parser, text + 1);
	}
	value = strchr(text, '=');
	if (!value || value == text)
		return fail(parser, "'%.64s' is neither a section nor SETTING=VALUE", text);
	*value++ = '\0';
	return parse_setting(parser, trim(text), trim(value));
}

static int check_bytes(const struct parser *parser, const char *line, size_t size)
{
	if (size > CONFIG_LINE_MAX)
		return fail(parser, "longer than %d bytes", CONFIG_LINE_MAX);
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return fail(parser, "control character 0x%02x", (unsigned char)line[i]);
	return 0;
}

static int parse_lines(struct parser *parser, const char *text, size_t size)
{
	const char *end = text + size;
	char line[CONFIG_LINE_MAX + 1];
	int ret = 0;

	while (text < end && ret >= 0) {
		const char *stop = memchr(text, '\n', (size_t)(end - text)) ?: end;

		parser->line++;
		ret = check_bytes(parser, text, (size_t)(stop - text));
		if (ret < 0)
			return ret;
		text_copy(line, sizeof(line), text, (size_t)(stop - text));
		ret = parse_line(parser, line);
		text = stop + 1;
	}
	return ret;
}

int policy_parse(struct policy *policy, const char *file, const char *text, size_t size,
		 char error[CONFIG_ERROR_SIZE])
{
	struct parser parser = { .policy = policy, .file = file, .error = error };
	int ret;

	ret = parse_lines(&parser, text, size);
	policy->names_whole = policy->names && (ret >= 0 || !parser.in_match);
	strv_free(parser.seen_sections);
	return ret;
}

/* ------------------------------------------------------- the whole policy */

static int check_answer(const struct parser *parser, const struct rule *rule)
{
	if (rule->handler == HANDLER_DNS && (rule->set & SET_ANSWER))
		return fail(parser, "Answer=: dns always answers");
	if (rule->answer && rule->handler != HANDLER_PROGRAM)
		return fail(parser, "Answer=yes needs Handler=PROGRAM");
	return 0;
}

static int check_rule(const struct policy *policy, const struct rule *rule, char *error)
{
	const struct parser parser = { .file = policy->file, .line = rule->line, .error = error };
	bool decided = rule->handler == HANDLER_NATIVE || rule->handler == HANDLER_DENY;

	if (decided && (rule->set & ~(uint32_t)SET_HANDLER))
		return fail(&parser, "other settings have no meaning with Handler=native or deny");
	if (rule->class == UPCALL_CLASS_CORE && rule->handler == HANDLER_KERNEL && !rule->in_host)
		return fail(&parser, "[Core] in a container has to name its Handler=");
	return check_answer(&parser, rule);
}

int policy_check(const struct policy *policy, char error[CONFIG_ERROR_SIZE])
{
	const struct parser parser = { .file = policy->file, .line = 1, .error = error };
	int ret = 0;

	if (!policy->names)
		return fail(&parser, "no Name= in [Match]");
	for (size_t i = 0; i < policy->rules_count && ret >= 0; i++)
		ret = check_rule(policy, &policy->rules[i], error);
	return ret;
}

void policy_clear(struct policy *policy)
{
	for (size_t i = 0; i < policy->rules_count; i++) {
		free(policy->rules[i].program);
		strv_free(policy->rules[i].allow);
	}
	free(policy->rules);
	strv_free(policy->names);
	free(policy->file);
	*policy = (struct policy){ 0 };
}
