// SPDX-License-Identifier: GPL-2.0-only
/* What a policy says, and which ones are none. */
#include <linux/errno.h>
#include <linux/string.h>

#include "policy.h"

static enum upcall_verdict key_verdict(const struct upcall_policy *policy, const char *key_type)
{
	u32 i;

	for (i = 0; key_type && i < policy->key_rules; i++)
		if (!strcmp(policy->key_rule[i].type, key_type))
			return policy->key_rule[i].verdict;
	return policy->verdict[UPCALL_CLASS_KEY];
}

enum upcall_verdict policy_verdict(const struct upcall_policy *policy, enum upcall_class class,
				   const char *key_type)
{
	if (class == UPCALL_CLASS_KEY)
		return key_verdict(policy, key_type);
	return policy->verdict[class];
}

int policy_check(const struct upcall_policy *policy)
{
	u32 i;

	for (i = 0; i < UPCALL_CLASS_COUNT; i++)
		if (policy->verdict[i] >= __UPCALL_VERDICT_COUNT)
			return -EINVAL;
	if (policy->key_rules > UPCALL_KEY_RULES)
		return -EINVAL;
	for (i = 0; i < policy->key_rules; i++) {
		const struct upcall_key_rule *rule = &policy->key_rule[i];

		if (rule->verdict >= __UPCALL_VERDICT_COUNT || !rule->type[0] ||
		    strnlen(rule->type, UPCALL_KEY_TYPE_LEN) == UPCALL_KEY_TYPE_LEN)
			return -EINVAL;
	}
	return 0;
}
