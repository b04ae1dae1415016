/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would happen to an upcall, for people: the kernel's table and the policy
 * in words
 *
 * It decides nothing. The kernel's verdict is what policy_to_kernel() says, as it
 * was told.
 */
#ifndef UPCALLD_OUTLOOK_H
#define UPCALLD_OUTLOOK_H

#include "policy.h"

/* Five classes and each key type that has a section. */
#define OUTLOOK_MAX (UPCALL_CLASS_COUNT + UPCALL_KEY_RULES)

struct outlook {
	uint32_t class;
	uint32_t verdict;	 /* enum upcall_verdict */
	const char *key_type;	 /* "": every other one */
	const struct rule *rule; /* the section that decides, or NULL */
	const char *reason;
};

/*
 * has_policy: of a container, or what will be adopted as one, whose policy this is (or
 * NULL); else what the kernel says of its scope. strict: the module is, and that is meant
 * for it, because it is an ordinary user's or not registered. Returns how many there are.
 */
size_t outlook(uint32_t scope, bool strict, bool has_policy, const struct policy *policy,
	       struct outlook ret[OUTLOOK_MAX]);

/* The same of who is nobody's in a cgroup of Cgroup=, and cannot be adopted. */
size_t outlook_refused(struct outlook ret[OUTLOOK_MAX]);

/* "" where nothing is run for it: modules are loaded by the kernel's own modprobe or not at all. */
const char *outlook_handler_name(const struct outlook *outlook);
const char *outlook_run_in_name(const struct outlook *outlook);

const char *outlook_scope_name(uint32_t scope);
const char *outlook_verdict_name(uint32_t verdict);

#endif
