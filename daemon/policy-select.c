// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose policy it is, and the words for what it says: for the daemon and for upcallctl. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "policy.h"
#include "user.h"

static bool names_fit(char *const *names, const char *name)
{
	for (; name && *names; names++)
		if (!fnmatch(*names, name, 0))
			return true;
	return false;
}

static bool cgroups_fit(char *const *cgroups, const char *cgroup)
{
	for (; cgroup && *cgroups; cgroups++)
		if (cgroup_fits(*cgroups, cgroup))
			return true;
	return false;
}

bool config_has_cgroups(const struct config *config)
{
	for (size_t i = 0; i < config->count; i++)
		if (config->policies[i].cgroups)
			return true;
	return false;
}

bool policy_adopts(const struct config *config, const char *cgroup)
{
	for (size_t i = 0; i < config->count; i++)
		if (config->policies[i].cgroups && cgroups_fit(config->policies[i].cgroups, cgroup))
			return true;
	return false;
}

static bool users_fit(char *const *users, uint32_t uid)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", uid);
	for (; *users; users++)
		if (!strcmp(*users, number) || (uid && !strcmp(*users, "*")))
			return true;
	return false;
}

/*
 * ATTACK: what a user's container is called, and what he says has made it, are his own
 * choice, and choose nothing where no User= says that he may.
 */
static bool user_fits(const struct policy *policy, uint32_t uid)
{
	return policy->users ? users_fit(policy->users, uid) : !uid;
}

bool policy_matches(const struct policy *policy, const struct policy_subject *subject)
{
	if (policy->everybody)
		return true;
	return policy_has_match(policy) && user_fits(policy, subject->uid) &&
	       (!policy->names ||
		names_fit(policy->names, user_own_name(subject->uid, subject->name))) &&
	       (!policy->runtimes || names_fit(policy->runtimes, subject->runtime)) &&
	       (!policy->cgroups || cgroups_fit(policy->cgroups, subject->cgroup));
}

const struct policy *policy_select(const struct config *config,
				   const struct policy_subject *subject)
{
	for (size_t i = 0; i < config->count; i++)
		if (policy_matches(&config->policies[i], subject))
			return &config->policies[i];
	return NULL;
}

bool policy_runs_inside(const struct policy *policy)
{
	for (size_t i = 0; policy && !policy->bad && i < policy->rules_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->class != UPCALL_CLASS_MODULE && !rule->in_host &&
		    (rule->handler == HANDLER_KERNEL || rule->handler == HANDLER_PROGRAM))
			return true;
	}
	return false;
}

void rule_section_name(const struct rule *rule, char out[RULE_SECTION_SIZE])
{
	static const char *const sections[UPCALL_CLASS_COUNT] = {
		[UPCALL_CLASS_CORE] = "Core",	  [UPCALL_CLASS_KEY] = "Key",
		[UPCALL_CLASS_MODULE] = "Module", [UPCALL_CLASS_RELEASE_AGENT] = "Release-Agent",
		[UPCALL_CLASS_OTHER] = "Other",
	};

	(void)snprintf(out, RULE_SECTION_SIZE, "[%s%s%s]", sections[rule->class],
		       rule->key_type[0] ? " " : "", rule->key_type);
}

const char *rule_handler_name(const struct rule *rule)
{
	switch (rule->handler) {
	case HANDLER_KERNEL:
		return "kernel";
	case HANDLER_NATIVE:
		return "native";
	case HANDLER_DENY:
		return "deny";
	case HANDLER_DNS:
		return "dns";
	case HANDLER_PROGRAM:
		return rule->program;
	}
	return "";
}

const char *rule_run_in_name(const struct rule *rule)
{
	return rule->in_host ? "host" : "container";
}
