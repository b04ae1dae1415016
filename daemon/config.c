// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parser of one policy file: its sections, and what only the whole tells
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config-parser.h"
#include "list.h"
#include "text.h"

#define KEY_TYPE_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

/* Defaults */
#define RUN_SEC_CORE 300
#define RUN_SEC	     30
#define CONCURRENT   4

/* An answer is a key's until the claim's own deadline: ENTRY_MS of worker/start.c. */
#define RUN_SEC_ANSWER 20

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
	file = strdup(parser->lines.file);
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
		.line = parser->lines.line,
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

static int enter_section(struct lines *lines, const char *title)
{
	struct parser *parser = container_of(lines, struct parser, lines);

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

/* ------------------------------------------------------------------ lines */

static int parse_setting(struct lines *lines, const char *name, const char *value)
{
	struct parser *parser = container_of(lines, struct parser, lines);
	uint32_t allowed = SET_NAME | SET_CGROUP | SET_RUNTIME | SET_USER;

	if (!parser->in_match)
		allowed = section_settings(parser_rule(parser)->class);
	return setting_parse(parser, allowed, name, value);
}

/* What the current section says is not what was meant. */
static void mark_bad(struct lines *lines, bool first)
{
	struct parser *parser = container_of(lines, struct parser, lines);

	if (first)
		parser->match_whole = policy_has_match(parser->policy) && !parser->in_match;
	if (lines->refused)
		return;
	if (parser->in_match)
		parser->policy->match_bad = true;
	else if (parser->section)
		parser_rule(parser)->bad = true;
}

int policy_parse(struct policy *policy, const char *file, const char *text, size_t size,
		 char error[CONFIG_ERROR_SIZE])
{
	struct parser parser = {
		.lines = {
			.file = file,
			.error = error,
			.observer = policy->observer,
			.section = enter_section,
			.setting = parse_setting,
			.failed = mark_bad,
		},
		.policy = policy,
	};
	int ret;

	ret = lines_parse(&parser.lines, text, size);
	policy->match_whole = ret < 0 ? parser.match_whole : policy_has_match(policy);
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
		.lines = { .file = rule->file,
			   .line = rule->line,
			   .error = error,
			   .observer = policy->observer },
		.policy = policy,
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
		.lines = { .file = policy->file,
			   .line = 1,
			   .error = error,
			   .observer = policy->observer },
		.policy = policy,
	};
	int worst = 0;

	if (!policy_has_match(policy) && !(policy->match_bad && policy->observer))
		worst = parser_fail(&parser,
				    "neither Name=, Cgroup=, Runtime= nor User= in [Match]");
	else if (policy->users && policy->cgroups)
		worst = parser_fail(
			&parser,
			"User= and Cgroup= in one [Match]: who is taken by his cgroup is no user's");
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
	strv_free(policy->cgroups);
	strv_free(policy->runtimes);
	strv_free(policy->users);
	free(policy->file);
	*policy = (struct policy){ 0 };
}
