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
#include "config-parser.h"
#include "text.h"

#define KEY_TYPE_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

/* Defaults */
#define RUN_SEC_CORE 300
#define RUN_SEC	     30
#define CONCURRENT   4

/* An answer is a key's until the claim's own deadline: ENTRY_MS of worker/start.c. */
#define RUN_SEC_ANSWER 20

/* What is quoted need not be UTF-8, or is cut within a character: D-Bus and terminals get ASCII. */
int parser_fail(const struct parser *parser, const char *format, ...)
{
	char reason[CONFIG_ERROR_SIZE / 2], text[CONFIG_ERROR_SIZE], shown[CONFIG_ERROR_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	text_show(reason, strlen(reason), shown, sizeof(shown));
	(void)snprintf(text, sizeof(text), "%s:%u: %s", parser->file, parser->line, reason);
	text_show(text, strlen(text), parser->error, CONFIG_ERROR_SIZE);
	if (parser->policy->observer)
		parser->policy->observer->error(parser->policy->observer, parser->file,
						parser->line, shown);
	return -EINVAL;
}

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

uint32_t section_settings(uint32_t class)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (sections[i].class == class)
			return sections[i].settings;
	return 0;
}

void rule_title(const struct rule *rule, char out[CONFIG_TITLE_SIZE])
{
	const char *title = "";

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (sections[i].class == rule->class)
			title = sections[i].title;
	(void)snprintf(out, CONFIG_TITLE_SIZE, "%s%s%s", title, rule->key_type[0] ? " " : "",
		       rule->key_type);
}

/* The rule of that section: the one that an earlier file began, or a new one. */
static int enter_rule(struct parser *parser, uint32_t class, const char *key_type)
{
	struct policy *policy = parser->policy;
	cleanup_free char *file = NULL;
	struct rule *longer;
	size_t i;

	for (i = 0; i < policy->rules_count; i++)
		if (policy->rules[i].class == class && !strcmp(policy->rules[i].key_type, key_type))
			break;
	parser->section = i + 1;
	if (i < policy->rules_count)
		return 0;
	file = strdup(parser->file);
	longer = file ? reallocarray(policy->rules, i + 1, sizeof(*longer)) : NULL;
	if (!longer)
		return -ENOMEM;
	policy->rules = longer;
	policy->rules_count++;
	longer[i] = (struct rule){
		.class = class,
		.run_sec = class == UPCALL_CLASS_CORE ? RUN_SEC_CORE : RUN_SEC,
		.max_concurrent = CONCURRENT,
		.file = take_ptr(file),
		.line = parser->line,
	};
	text_copy(longer[i].key_type, sizeof(longer[i].key_type), key_type, strlen(key_type));
	return 0;
}

static int enter_key(struct parser *parser, const char *type)
{
	size_t size = strlen(type), types = 0;

	if (!size || size >= UPCALL_KEY_TYPE_LEN || strspn(type, KEY_TYPE_SET) != size)
		return parser_fail(parser, "[Key %s]: no name of a key type", type);
	for (size_t i = 0; i < parser->policy->rules_count; i++)
		types += parser->policy->rules[i].key_type[0] &&
			 strcmp(parser->policy->rules[i].key_type, type);
	if (types >= UPCALL_KEY_RULES)
		return parser_fail(parser, "[Key %s]: more than %d key types", type,
				   UPCALL_KEY_RULES);
	return enter_rule(parser, UPCALL_CLASS_KEY, type);
}

static int find_section(struct parser *parser, const char *title)
{
	for (char **seen = parser->seen_sections; seen && *seen; seen++)
		if (!strcmp(*seen, title))
			return parser_fail(parser, "[%s] is there twice", title);
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
	return parser_fail(parser, "unknown section [%s]", title);
}

static int enter_section(struct parser *parser, const char *title)
{
	int ret = find_section(parser, title);

	parser->refused = ret < 0;
	return ret;
}

/* ------------------------------------------------------------------ lines */

static int parse_setting(struct parser *parser, const char *name, const char *value)
{
	uint32_t allowed = SET_NAME;

	if (parser->refused)
		return 0;
	if (!parser->in_match && !parser->section)
		return parser_fail(parser, "%s= before any section", name);
	if (!parser->in_match)
		allowed = section_settings(parser_rule(parser)->class);
	return setting_parse(parser, allowed, name, value);
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
		if (text[size - 1] != ']') {
			parser->refused = true;
			return parser_fail(parser, "'%.*s%s' is no section", TEXT_SHORT(text, 64));
		}
		text[size - 1] = '\0';
		return enter_section(parser, text + 1);
	}
	value = strchr(text, '=');
	if (!value || value == text)
		return parser_fail(parser, "'%.*s%s' is neither a section nor SETTING=VALUE",
				   TEXT_SHORT(text, 64));
	*value++ = '\0';
	return parse_setting(parser, trim(text), trim(value));
}

static int check_bytes(const struct parser *parser, const char *line, size_t size)
{
	if (size > CONFIG_LINE_MAX)
		return parser_fail(parser, "longer than %d bytes", CONFIG_LINE_MAX);
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return parser_fail(parser, "control character 0x%02x",
					   (unsigned char)line[i]);
	return 0;
}

/* What the current section says is not what was meant. */
static void mark_bad(struct parser *parser)
{
	if (parser->refused)
		return;
	if (parser->in_match)
		parser->policy->match_bad = true;
	else if (parser->section)
		parser_rule(parser)->bad = true;
}

static int parse_lines(struct parser *parser, const char *text, size_t size)
{
	const char *end = text + size;
	char line[CONFIG_LINE_MAX + 1];
	int ret, worst = 0;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text)) ?: end;

		parser->line++;
		ret = check_bytes(parser, text, (size_t)(stop - text));
		if (ret >= 0) {
			text_copy(line, sizeof(line), text, (size_t)(stop - text));
			ret = parse_line(parser, line);
		}
		if (ret < 0 && worst == 0)
			parser->names_whole = parser->policy->names && !parser->in_match;
		if (ret < 0)
			mark_bad(parser);
		if (config_is_end(parser->policy->observer, ret))
			return ret;
		worst = worst < 0 ? worst : ret;
		text = stop + 1;
	}
	return worst;
}

int policy_parse(struct policy *policy, const char *file, const char *text, size_t size,
		 char error[CONFIG_ERROR_SIZE])
{
	struct parser parser = { .policy = policy, .file = file, .error = error };
	int ret;

	ret = parse_lines(&parser, text, size);
	policy->names_whole = ret < 0 ? parser.names_whole : policy->names != NULL;
	strv_free(parser.seen_sections);
	return ret;
}

/* ------------------------------------------------------- the whole policy */

static int check_answer(const struct parser *parser, const struct rule *rule)
{
	if (rule->handler == HANDLER_DNS && (rule->set & SET_ANSWER))
		return parser_fail(parser, "Answer=: dns always answers");
	if (rule->answer && rule->handler != HANDLER_PROGRAM)
		return parser_fail(parser, "Answer=yes needs Handler=PROGRAM");
	return 0;
}

/* What answers has another default, and a bound that no file can lift. */
static int check_run_sec(const struct parser *parser, struct rule *rule)
{
	if (rule->handler != HANDLER_DNS && !rule->answer)
		return 0;
	if (!(rule->set & SET_RUN_SEC))
		rule->run_sec = RUN_SEC_ANSWER;
	if (rule->run_sec <= RUN_SEC_ANSWER)
		return 0;
	return parser_fail(parser, "RuntimeMaxSec=%u: what answers (%s) has %d seconds at most",
			   rule->run_sec,
			   rule->handler == HANDLER_DNS ? "Handler=dns" : "Answer=yes",
			   RUN_SEC_ANSWER);
}

static int check_rule(struct policy *policy, struct rule *rule, char *error)
{
	const struct parser parser = {
		.policy = policy, .file = rule->file, .line = rule->line, .error = error
	};
	bool decided = rule->handler == HANDLER_NATIVE || rule->handler == HANDLER_DENY;
	int ret;

	/* that has been said */
	if (rule->bad)
		return 0;
	if (decided && (rule->set & ~(uint32_t)SET_HANDLER))
		return parser_fail(&parser,
				   "other settings have no meaning with Handler=native or deny");
	if (rule->class == UPCALL_CLASS_CORE && rule->handler == HANDLER_KERNEL && !rule->in_host)
		return parser_fail(&parser, "[Core] in a container has to name its Handler=");
	ret = check_answer(&parser, rule);
	return ret < 0 ? ret : check_run_sec(&parser, rule);
}

int policy_check(struct policy *policy, char error[CONFIG_ERROR_SIZE])
{
	const struct parser parser = {
		.policy = policy, .file = policy->file, .line = 1, .error = error
	};
	int worst = 0;

	if (!policy->names && !(policy->match_bad && policy->observer))
		worst = parser_fail(&parser, "no Name= in [Match]");
	for (size_t i = 0; i < policy->rules_count && !config_is_end(policy->observer, worst); i++)
		if (check_rule(policy, &policy->rules[i], error) < 0)
			worst = -EINVAL;
	return worst;
}

void policy_clear(struct policy *policy)
{
	for (size_t i = 0; i < policy->rules_count; i++) {
		free(policy->rules[i].file);
		free(policy->rules[i].program);
		strv_free(policy->rules[i].allow);
	}
	free(policy->rules);
	strv_free(policy->names);
	free(policy->file);
	*policy = (struct policy){ 0 };
}
