/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What config.c (sections of policies) and config-setting.c (their settings) share.
 */
#ifndef UPCALLD_CONFIG_PARSER_H
#define UPCALLD_CONFIG_PARSER_H

#include "config-lines.h"
#include "config.h"

/* Bits of masks: settings that a section may have, settings that were made. */
enum setting {
	SET_HANDLER = 1 << 0,
	SET_RUN_IN = 1 << 1,
	SET_RUN_SEC = 1 << 2,
	SET_CONCURRENT = 1 << 3,
	SET_ANSWER = 1 << 4,
	SET_ALLOW = 1 << 5,
	SET_NAME = 1 << 6,
	SET_CGROUP = 1 << 7,
	SET_RUNTIME = 1 << 8,
	SET_USER = 1 << 9,
};

#define SET_OF_ALL (SET_HANDLER | SET_RUN_IN | SET_RUN_SEC | SET_CONCURRENT)

struct parser {
	struct lines lines;
	struct policy *policy;
	bool in_match;
	bool match_whole;  /* as far as the first error */
	size_t section;	   /* index of the rule + 1; 0: none yet, or [Match] */
	uint32_t set_here; /* in this section of this file */
};

#define parser_fail(parser, ...) lines_fail(&(parser)->lines, __VA_ARGS__)

/* The mask of settings that the class' section may have. */
uint32_t section_settings(uint32_t class);

static inline struct rule *parser_rule(const struct parser *parser)
{
	return &parser->policy->rules[parser->section - 1];
}

/*
 * NAME=VALUE in the current section, which allows those of the mask. -EINVAL
 * with an error, -ENOMEM.
 */
int setting_parse(struct parser *parser, uint32_t allowed, const char *name, const char *value);

#endif
