// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "outlook.h"

static const char *const scopes[] = {
	[UPCALL_SCOPE_HOST] = "host",
	[UPCALL_SCOPE_CONTAINER] = "container",
	[UPCALL_SCOPE_UNREGISTERED] = "unregistered",
	[UPCALL_SCOPE_KTHREAD] = "kthread",
	[UPCALL_SCOPE_AMBIGUOUS] = "ambiguous",
};

static const char *const verdicts[] = {
	[UPCALL_VERDICT_NATIVE] = "native",
	[UPCALL_VERDICT_OFFER] = "offer",
	[UPCALL_VERDICT_DENY] = "deny",
};

const char *outlook_scope_name(uint32_t scope)
{
	return scope < sizeof(scopes) / sizeof(scopes[0]) ? scopes[scope] : "unknown";
}

const char *outlook_verdict_name(uint32_t verdict)
{
	return verdict < sizeof(verdicts) / sizeof(verdicts[0]) ? verdicts[verdict] : "unknown";
}

const char *outlook_handler_name(const struct outlook *outlook)
{
	const struct rule *rule = outlook->rule;

	if (!rule || (rule->class == UPCALL_CLASS_MODULE && rule->handler == HANDLER_KERNEL))
		return "";
	return rule_handler_name(rule);
}

const char *outlook_run_in_name(const struct outlook *outlook)
{
	const struct rule *rule = outlook->rule;

	if (!rule || rule->class == UPCALL_CLASS_MODULE || rule->handler == HANDLER_NATIVE ||
	    rule->handler == HANDLER_DENY)
		return "";
	return rule_run_in_name(rule);
}

static const char *rule_reason(const struct rule *rule)
{
	switch (rule->handler) {
	case HANDLER_NATIVE:
		return "its section says native";
	case HANDLER_DENY:
		return "its section says deny";
	case HANDLER_KERNEL:
	case HANDLER_DNS:
	case HANDLER_PROGRAM:
		break;
	}
	if (rule->class == UPCALL_CLASS_MODULE)
		return rule->allow ? "what Allow= names is native, the rest is refused" :
				     "its section has no Allow=";
	if (rule->class == UPCALL_CLASS_KEY)
		return "except requests of the kernel's own without a network namespace, which are never its";
	return "its section has a handler";
}

static const struct rule *find_rule(const struct policy *policy, uint32_t class,
				    const char *key_type)
{
	for (size_t i = 0; i < policy->rules_count; i++)
		if (policy->rules[i].class == class && !strcmp(policy->rules[i].key_type, key_type))
			return &policy->rules[i];
	return NULL;
}

static const char *const strict_to_nobodys = "nobody registered it, and the module is strict";

/* A user's container is no better off than who is not registered, nor who is yet to be adopted. */
static void be_strict(uint32_t scope, struct outlook *ret)
{
	if (ret->verdict != UPCALL_VERDICT_NATIVE)
		return;
	ret->verdict = UPCALL_VERDICT_DENY;
	ret->rule = NULL; /* whatever it says, that is not what happens */
	ret->reason = scope == UPCALL_SCOPE_CONTAINER ?
			      "a user registered it, and the module is strict" :
			      strict_to_nobodys;
}

static void by_policy(const struct policy *policy, const struct upcall_policy *kernel,
		      struct outlook *ret)
{
	ret->verdict = kernel->verdict[ret->class];
	ret->rule = policy && !policy->bad ? find_rule(policy, ret->class, ret->key_type) : NULL;
	if (!policy)
		ret->reason = "no policy file matches it";
	else if (policy->bad)
		ret->reason = "its policy file could not be read";
	else if (ret->rule)
		ret->reason = rule_reason(ret->rule);
	else
		ret->reason = "its policy file has no section for it";
}

static void by_scope(uint32_t scope, bool strict, struct outlook *ret)
{
	ret->verdict = UPCALL_VERDICT_NATIVE;
	switch ((enum upcall_scope)scope) {
	case UPCALL_SCOPE_HOST:
		ret->reason = "the host's upcalls are left alone";
		return;
	case UPCALL_SCOPE_KTHREAD:
		ret->reason = "a kernel thread's is nobody's";
		return;
	case UPCALL_SCOPE_UNREGISTERED:
		ret->reason = strict ? strict_to_nobodys : "nobody registered it";
		if (strict)
			ret->verdict = UPCALL_VERDICT_DENY;
		return;
	case UPCALL_SCOPE_AMBIGUOUS:
		ret->reason =
			"several containers match and none is nearer: refused where one of them has a policy, or is a user's and the module is strict";
		ret->verdict = UPCALL_VERDICT_OFFER;
		return;
	case UPCALL_SCOPE_CONTAINER:
		break;
	}
	ret->reason = "of a container that is not registered here: upcalld refuses";
	ret->verdict = UPCALL_VERDICT_OFFER;
}

size_t outlook(uint32_t scope, bool strict, bool has_policy, const struct policy *policy,
	       struct outlook ret[OUTLOOK_MAX])
{
	struct upcall_policy kernel;
	size_t count = 0;

	policy_to_kernel(policy, &kernel);
	for (uint32_t class = 0; class < UPCALL_CLASS_COUNT; class ++) {
		ret[count] = (struct outlook){ .class = class, .key_type = "" };
		if (has_policy)
			by_policy(policy, &kernel, &ret[count]);
		else
			by_scope(scope, strict, &ret[count]);
		count++;
	}
	for (uint32_t i = 0; has_policy && i < kernel.key_rules; i++) {
		const struct rule *rule =
			find_rule(policy, UPCALL_CLASS_KEY, kernel.key_rule[i].type);

		ret[count++] = (struct outlook){
			.class = UPCALL_CLASS_KEY,
			.key_type = rule->key_type,
			.verdict = kernel.key_rule[i].verdict,
			.rule = rule,
			.reason = rule_reason(rule),
		};
	}
	for (size_t i = 0; has_policy && strict && i < count; i++)
		be_strict(scope, &ret[i]);
	return count;
}

size_t outlook_refused(struct outlook ret[OUTLOOK_MAX])
{
	for (uint32_t class = 0; class < UPCALL_CLASS_COUNT; class ++)
		ret[class] = (struct outlook){
			.class = class,
			.verdict = UPCALL_VERDICT_DENY,
			.key_type = "",
			.reason =
				"nobody registered it, and it cannot be adopted: what policies name is refused",
		};
	return UPCALL_CLASS_COUNT;
}
