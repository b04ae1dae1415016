/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What policy files mean: for the kernel's table, and for one upcall
 *
 * The kernel's table is filled so that it asks only where somebody has to
 * think: what is always native or always refused never leaves the kernel.
 */
#ifndef UPCALLD_POLICY_H
#define UPCALLD_POLICY_H

#include "config.h"
#include "modules.h"
#include "tags.h"
#include "worker.h"

enum decision {
	DECISION_HANDLE = 0, /* by `rule` */
	DECISION_NATIVE,
	DECISION_DENY,
};

struct decided {
	enum decision decision;
	const struct rule *rule; /* whose section decided; NULL: none does */
	const char *reason;	 /* a few words for the record */
};

/* A container, as far as [Match] asks. */
struct policy_subject {
	const char *name;
	const char *cgroup;  /* the leader's: a path below the root, or NULL for unknown */
	const char *runtime; /* or NULL: nobody said */
	uint32_t uid;	     /* who registered it */
};

/* Does its [Match] fit that container? An earlier file may all the same decide. */
bool policy_matches(const struct policy *policy, const struct policy_subject *subject);
/* The first policy whose [Match] fits, or NULL: everything is native. */
const struct policy *policy_select(const struct config *config,
				   const struct policy_subject *subject);

/* Does any policy's Cgroup= mean that path? */
bool policy_adopts(const struct config *config, const char *cgroup);

/* Does it name a class for whose upcalls a program of the container's is run? NULL: no. */
bool policy_runs_inside(const struct policy *policy);

/* NULL: all native. */
void policy_to_kernel(const struct policy *policy, struct upcall_policy *ret);

/* policy may be NULL. */
void policy_decide(const struct policy *policy, struct modules *modules, const struct tags *tags,
		   struct decided *ret);

#define RULE_SECTION_SIZE (UPCALL_KEY_TYPE_LEN + 16)

/* As in the file: "[Key user]". */
void rule_section_name(const struct rule *rule, char out[RULE_SECTION_SIZE]);

/* The part of a worker's request that a rule decides. */
void rule_to_request(const struct rule *rule, struct worker_request *request);
/* Words for the record. */
const char *rule_handler_name(const struct rule *rule);
const char *rule_run_in_name(const struct rule *rule);
/* Both count against the same MaxConcurrent=, even if one is of an older configuration. */
bool rule_same_quota(const struct rule *a, const struct rule *b);

#endif
