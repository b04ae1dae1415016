/* SPDX-License-Identifier: GPL-2.0-only */
/* Which table entry a task, or a network namespace, belongs to. */
#ifndef UPCALL_SHIM_MATCH_H
#define UPCALL_SHIM_MATCH_H

#include <linux/types.h>

#include "upcall.h"

struct cgroup;
struct net;
struct pid_namespace;
struct table_entry;
struct task_struct;
struct user_namespace;

/* What a task is in. The pointers are borrowed: use them under the same RCU section. */
struct task_facts {
	struct pid_namespace *pid_ns;
	struct user_namespace *user_ns;
	struct cgroup *cgroup;
	u32 ns[UPCALL_NS_COUNT]; /* 0: unknown, the task is exiting */
	u64 net_cookie;
	u64 cgroup_id;
};

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

/* What the initial namespaces are; before anything else here. */
void match_init(void);

/* All under RCU. */
/*
 * False: with interrupts or bottom halves off, and another task's lock held by
 * somebody: but for pid and user namespace and cgroup, nothing is told.
 */
bool task_facts_get(struct task_struct *task, struct task_facts *facts);
u32 task_facts_foreign(const struct task_facts *facts); /* mask of namespaces not initial */
void match_task(const struct task_facts *facts, struct match *match);
void match_net(const struct net *net, const struct task_facts *facts, bool kthread,
	       enum upcall_origin origin, struct match *match);

/* No entry's, and without claimants. Anywhere. */
void match_nobody(struct match *match, enum upcall_scope scope);

bool pid_ns_within(const struct pid_namespace *ns, const struct pid_namespace *outer);
bool user_ns_within(const struct user_namespace *ns, const struct user_namespace *outer);

#endif
