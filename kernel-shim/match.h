/* SPDX-License-Identifier: GPL-2.0-only */
/* Which table entry a task, or a network namespace, belongs to. */
#ifndef UPCALL_SHIM_MATCH_H
#define UPCALL_SHIM_MATCH_H

#include "facts.h"

struct net;
struct table_entry;

/* More that nothing tells apart are a pod larger than any: ambiguous, and no claimant is told. */
#define MATCH_MAX 16

struct match {
	enum upcall_scope scope;
	struct table_entry *entry; /* borrowed; with UPCALL_SCOPE_CONTAINER only */
	/* by cgroup, pid or user namespace, which nobody just joins, and not from around it */
	bool strong;
	/* whose it may be, with UPCALL_SCOPE_AMBIGUOUS; none: not known */
	struct table_entry *claimant[MATCH_MAX];
	unsigned int claimants;
};

/* Under RCU. */
void match_task(const struct task_facts *facts, struct match *match);
void match_net(const struct net *net, const struct task_facts *facts, bool kthread,
	       enum upcall_origin origin, struct match *match);

/* No entry's, and without claimants. Anywhere. */
void match_nobody(struct match *match, enum upcall_scope scope);

#endif
