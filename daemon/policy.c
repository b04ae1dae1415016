// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "policy.h"
#include "text.h"

#define REQUEST_NAME_MAX 256

/* ------------------------------------------------------- the kernel's table */

static uint32_t verdict_of(const struct rule *rule)
{
	switch (rule->handler) {
	case HANDLER_NATIVE:
		return UPCALL_VERDICT_NATIVE;
	case HANDLER_DENY:
		return UPCALL_VERDICT_DENY;
	case HANDLER_KERNEL:
		if (rule->class == UPCALL_CLASS_MODULE && !rule->allow)
			return UPCALL_VERDICT_DENY;
		return UPCALL_VERDICT_OFFER;
	case HANDLER_DNS:
	case HANDLER_PROGRAM:
		return UPCALL_VERDICT_OFFER;
	}
	return UPCALL_VERDICT_DENY;
}

static void add_rule(struct upcall_policy *kernel, const struct rule *rule)
{
	struct upcall_key_rule *key;

	if (!rule->key_type[0]) {
		kernel->verdict[rule->class] = verdict_of(rule);
		return;
	}
	/* the parser allows no more than there is room for */
	if (kernel->key_rules >= UPCALL_KEY_RULES)
		return;
	key = &kernel->key_rule[kernel->key_rules++];
	memcpy(key->type, rule->key_type, sizeof(key->type));
	key->verdict = verdict_of(rule);
}

void policy_to_kernel(const struct policy *policy, struct upcall_policy *ret)
{
	*ret = (struct upcall_policy){ 0 };
	if (!policy)
		return;
	for (size_t i = 0; policy->bad && i < UPCALL_CLASS_COUNT; i++)
		ret->verdict[i] = UPCALL_VERDICT_DENY;
	for (size_t i = 0; !policy->bad && i < policy->rules_count; i++)
		add_rule(ret, &policy->rules[i]);
}

/* ------------------------------------------------------------- one upcall */

static bool text_is(struct tags_text text, const char *other)
{
	return text.size == strlen(other) && !memcmp(text.data, other, text.size);
}

static const struct rule *rule_for(const struct policy *policy, const struct tags *tags)
{
	const struct rule *any = NULL;

	for (size_t i = 0; i < policy->rules_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->class != tags->class)
			continue;
		if (!rule->key_type[0])
			any = rule;
		else if (text_is(tags->key.type, rule->key_type))
			return rule;
	}
	return any;
}

/* modprobe -q -- NAME: what is asked for is the last argument. */
static bool request_name(struct tags_text argv, char *name, size_t room)
{
	const char *start;

	if (argv.size < 2 || argv.data[argv.size - 1])
		return false;
	start = memrchr(argv.data, '\0', argv.size - 1);
	start = start ? start + 1 : argv.data;
	if (strlen(start) >= room)
		return false;
	text_copy(name, room, start, strlen(start));
	return *name != '\0';
}

static struct decided decide_module(const struct rule *rule, struct modules *modules,
				    const struct tags *tags)
{
	char name[REQUEST_NAME_MAX];

	if (!request_name(tags->argv, name, sizeof(name)))
		return (struct decided){ DECISION_DENY, rule, "no module named" };
	if (!modules_allow(modules, rule->allow, name))
		return (struct decided){ DECISION_DENY, rule, "not in Allow=" };
	return (struct decided){ DECISION_NATIVE, rule, "in Allow=" };
}

/*
 * A request of the kernel's own carries the kernel's key cache in its authority:
 * only answers may come from a container. Where it has no network namespace,
 * nothing says that it is the container's at all.
 */
static struct decided decide_key(const struct rule *rule, const struct tags *tags)
{
	bool answers = rule->handler == HANDLER_DNS || rule->answer;

	if (!tags->key.present)
		return (struct decided){ DECISION_DENY, rule, "no key in the event" };
	if (tags->key.origin != UPCALL_ORIGIN_KERNEL || (answers && tags->key.has_net))
		return (struct decided){ DECISION_HANDLE, rule, NULL };
	if (!tags->key.has_net)
		return (struct decided){ DECISION_NATIVE, rule,
					 "the kernel's own, of no namespace" };
	return (struct decided){ DECISION_DENY, rule,
				 "the kernel's own: needs a handler that answers" };
}

/* Nobody waits any more who could start the kernel's own. */
static struct decided decide_release(const struct rule *rule)
{
	if (!rule || rule->handler == HANDLER_NATIVE)
		return (struct decided){ DECISION_DENY, rule, "too late for the kernel's own" };
	return (struct decided){ DECISION_HANDLE, rule, NULL };
}

static struct decided decide_by(const struct rule *rule, struct modules *modules,
				const struct tags *tags)
{
	if (rule->handler == HANDLER_DENY)
		return (struct decided){ DECISION_DENY, rule, "by policy" };
	if (rule->class == UPCALL_CLASS_RELEASE_AGENT)
		return decide_release(rule);
	if (rule->handler == HANDLER_NATIVE)
		return (struct decided){ DECISION_NATIVE, rule, "by policy" };
	if (rule->class == UPCALL_CLASS_MODULE)
		return decide_module(rule, modules, tags);
	if (rule->class == UPCALL_CLASS_KEY)
		return decide_key(rule, tags);
	return (struct decided){ DECISION_HANDLE, rule, NULL };
}

void policy_decide(const struct policy *policy, struct modules *modules, const struct tags *tags,
		   struct decided *ret)
{
	const struct rule *rule;

	if (policy && policy->bad) {
		*ret = (struct decided){ DECISION_DENY, NULL, "its policy could not be read" };
		return;
	}
	rule = policy ? rule_for(policy, tags) : NULL;
	if (rule)
		*ret = decide_by(rule, modules, tags);
	else if (tags->class == UPCALL_CLASS_RELEASE_AGENT)
		*ret = decide_release(NULL);
	else
		*ret = (struct decided){ DECISION_NATIVE, NULL, "no policy names it" };
}

/* ------------------------------------------------------------------ rules */

void rule_to_request(const struct rule *rule, struct worker_request *request)
{
	request->handler = WORKER_BECOME;
	if (rule->handler == HANDLER_DNS)
		request->handler = WORKER_ANSWER_DNS;
	else if (rule->answer)
		request->handler = WORKER_ANSWER_PROGRAM;
	request->run_in = rule->in_host ? WORKER_RUN_IN_HOST : WORKER_RUN_IN_CONTAINER;
	request->run_ms = rule->run_sec * 1000;
	request->alone = rule->max_concurrent == 1;
	if (rule->handler == HANDLER_PROGRAM)
		text_copy(request->program, sizeof(request->program), rule->program,
			  strlen(rule->program));
}

bool rule_same_quota(const struct rule *a, const struct rule *b)
{
	return a->class == b->class && !strcmp(a->key_type, b->key_type);
}
