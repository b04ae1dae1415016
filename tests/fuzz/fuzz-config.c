// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Policy files (daemon/config.c, config-setting.c) and what becomes of them (policy.c)
 *
 * What is accepted lies within the bounds of config.h's grammar, survives being
 * written down and read again, and may refine itself.
 */
#include <errno.h>

#include "config.h"
#include "fuzz.h"
#include "policy.h"
#include "text.h"

#define FILE_NAME "f.conf"

static int parse(struct policy *policy, const void *data, size_t size, char *error)
{
	cleanup_free char *copy = fuzz_copy(data, size);
	int ret = policy_parse(policy, FILE_NAME, copy, size, error);

	return ret < 0 ? ret : policy_check(policy, error);
}

static void policy_begin(struct policy *policy)
{
	*policy = (struct policy){ .file = strdup(FILE_NAME) };
	property(policy->file);
}

static void check_error(const char *error)
{
	const char *line = error + strlen(FILE_NAME ":");

	property(strnlen(error, CONFIG_ERROR_SIZE) < CONFIG_ERROR_SIZE);
	property(!strncmp(error, FILE_NAME ":", strlen(FILE_NAME ":")));
	property(*line >= '1' && *line <= '9');
	line += strspn(line, "0123456789");
	property(!strncmp(line, ": ", 2) && line[2]);
	/* it goes into the journal, to terminals and into D-Bus messages */
	for (const char *at = error; *at; at++)
		property(*at >= ' ' && *at <= '~');
}

/* --------------------------------------------------------------- bounds */

static void check_rule(const struct rule *rule)
{
	bool key = rule->class == UPCALL_CLASS_KEY, module = rule->class == UPCALL_CLASS_MODULE;

	property(rule->class < UPCALL_CLASS_COUNT);
	property(memchr(rule->key_type, '\0', sizeof(rule->key_type)));
	property(!rule->key_type[0] || key);
	property(rule->run_sec >= 1 && rule->run_sec <= 3600);
	property(rule->max_concurrent >= 1 && rule->max_concurrent <= 64);
	property((rule->handler == HANDLER_PROGRAM) == (rule->program != NULL));
	property(!rule->program ||
		 (*rule->program == '/' && strlen(rule->program) <= CONFIG_PROGRAM_MAX && !module));
	property(rule->handler != HANDLER_DNS || key);
	property(!rule->answer || (key && rule->handler == HANDLER_PROGRAM));
	property(!rule->allow || (module && rule->handler == HANDLER_KERNEL));
}

static void check_kernel(const struct policy *policy)
{
	struct upcall_policy kernel;

	policy_to_kernel(policy, &kernel);
	property(kernel.key_rules <= UPCALL_KEY_RULES);
	for (size_t i = 0; i < UPCALL_CLASS_COUNT; i++)
		property(kernel.verdict[i] < __UPCALL_VERDICT_COUNT);
	for (size_t i = 0; i < kernel.key_rules; i++)
		property(kernel.key_rule[i].verdict < __UPCALL_VERDICT_COUNT &&
			 kernel.key_rule[i].type[0]);
	for (size_t i = 0; i < policy->rules_count; i++)
		if (policy->rules[i].handler == HANDLER_DENY && !policy->rules[i].key_type[0])
			property(kernel.verdict[policy->rules[i].class] == UPCALL_VERDICT_DENY);
}

/* A key of each type: the kernel's own request never becomes a task's helper. */
static void check_decisions(const struct policy *policy)
{
	for (size_t i = 0; i < policy->rules_count; i++) {
		const struct rule *rule = &policy->rules[i];
		struct tags tags = {
			.class = rule->class,
			.key = { .present = true,
				 .origin = UPCALL_ORIGIN_KERNEL,
				 .has_net = true,
				 .type = { rule->key_type, strlen(rule->key_type) } },
		};
		struct decided decided;

		/* the kernel's module index is no parser of ours */
		if (rule->class == UPCALL_CLASS_MODULE && rule->handler == HANDLER_KERNEL)
			continue;
		policy_decide(policy, NULL, &tags, &decided);
		property(decided.decision <= DECISION_DENY);
		property(decided.decision != DECISION_HANDLE || decided.rule);
		if (rule->class == UPCALL_CLASS_KEY && decided.decision == DECISION_HANDLE)
			property(decided.rule->answer || decided.rule->handler == HANDLER_DNS);
		if (rule->handler == HANDLER_DENY)
			property(decided.decision == DECISION_DENY);
	}
}

/* ----------------------------------------------------------- round trip */

static void write_list(FILE *out, const char *name, char *const *list)
{
	for (; list && *list; list++)
		(void)fprintf(out, "%s=%s\n", name, *list);
}

static void write_rule(FILE *out, const struct rule *rule)
{
	static const char *const titles[UPCALL_CLASS_COUNT] = { "Core", "Key", "Module",
								"Release-Agent", "Other" };

	(void)fprintf(out, "[%s%s%s]\n", titles[rule->class], rule->key_type[0] ? " " : "",
		      rule->key_type);
	if (rule->handler != HANDLER_KERNEL)
		(void)fprintf(out, "Handler=%s\n", rule_handler_name(rule));
	write_list(out, "Allow", rule->allow);
	if (rule->handler == HANDLER_NATIVE || rule->handler == HANDLER_DENY ||
	    rule->class == UPCALL_CLASS_MODULE)
		return;
	(void)fprintf(out, "RunIn=%s\nRuntimeMaxSec=%u\nMaxConcurrent=%u\n", rule_run_in_name(rule),
		      rule->run_sec, rule->max_concurrent);
	if (rule->answer)
		(void)fprintf(out, "Answer=yes\n");
}

static char *write_policy(const struct policy *policy, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	property(out);
	(void)fprintf(out, "[Match]\n");
	write_list(out, "Name", policy->names);
	write_list(out, "Cgroup", policy->cgroups);
	write_list(out, "Runtime", policy->runtimes);
	write_list(out, "User", policy->users);
	for (size_t i = 0; i < policy->rules_count; i++)
		write_rule(out, &policy->rules[i]);
	property(fclose(out) == 0);
	return text;
}

static void check_same_list(char *const *a, char *const *b)
{
	property(strv_count(a) == strv_count(b));
	for (; a && *a; a++, b++)
		property(!strcmp(*a, *b));
}

static void check_same_rule(const struct rule *a, const struct rule *b)
{
	property(a->class == b->class && !strcmp(a->key_type, b->key_type));
	property(a->handler == b->handler && a->answer == b->answer && a->in_host == b->in_host);
	property(!a->program || !strcmp(a->program, b->program));
	property(a->run_sec == b->run_sec && a->max_concurrent == b->max_concurrent);
}

static void check_round_trip(const struct policy *policy)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct policy again;
	size_t size;
	cleanup_free char *text = write_policy(policy, &size);

	policy_begin(&again);
	property(parse(&again, text, size, error) == 0);
	check_same_list(policy->names, again.names);
	check_same_list(policy->cgroups, again.cgroups);
	check_same_list(policy->runtimes, again.runtimes);
	check_same_list(policy->users, again.users);
	property(policy->rules_count == again.rules_count);
	for (size_t i = 0; i < policy->rules_count; i++) {
		check_same_rule(&policy->rules[i], &again.rules[i]);
		check_same_list(policy->rules[i].allow, again.rules[i].allow);
	}
	policy_clear(&again);
}

/* As a file in f.conf.d would: what is set is replaced by itself, lists grow or stay. */
static void check_refinement(struct policy *policy, const uint8_t *data, size_t size)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct policy before;

	policy_begin(&before);
	property(parse(&before, data, size, error) == 0);
	property(parse(policy, data, size, error) == 0);
	property(policy->rules_count == before.rules_count);
	property(strv_count(policy->names) >= strv_count(before.names));
	property(strv_count(policy->cgroups) >= strv_count(before.cgroups));
	property(strv_count(policy->runtimes) >= strv_count(before.runtimes));
	for (size_t i = 0; i < policy->rules_count; i++)
		check_same_rule(&policy->rules[i], &before.rules[i]);
	policy_clear(&before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct policy policy;
	int ret;

	policy_begin(&policy);
	ret = parse(&policy, data, size, error);
	if (ret < 0) {
		property(ret == -EINVAL);
		check_error(error);
	} else {
		property(!*error && policy_has_match(&policy) && policy.match_whole);
		for (size_t i = 0; i < policy.rules_count; i++)
			check_rule(&policy.rules[i]);
		check_kernel(&policy);
		check_decisions(&policy);
		check_round_trip(&policy);
		check_refinement(&policy, data, size);
	}
	policy_clear(&policy);
	return 0;
}
