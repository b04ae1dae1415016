/* SPDX-License-Identifier: GPL-2.0-only */
/* What a task is in. */
#ifndef UPCALL_SHIM_FACTS_H
#define UPCALL_SHIM_FACTS_H

#include <linux/types.h>

#include "upcall.h"

struct cgroup;
struct pid_namespace;
struct task_struct;
struct user_namespace;

/* The pointers are borrowed: use them under the same RCU section. */
struct task_facts {
	struct pid_namespace *pid_ns;
	struct user_namespace *user_ns;
	struct cgroup *cgroup;
	u32 ns[UPCALL_NS_COUNT]; /* 0: unknown, the task is exiting */
	u64 net_cookie;
	u64 cgroup_id;
};

/* What the initial namespaces are; before anything else here. */
void task_facts_init(void);

/*
 * Under RCU. False: with interrupts or bottom halves off, and another task's lock held by
 * somebody: but for pid and user namespace and cgroup, nothing is told.
 */
bool task_facts_get(struct task_struct *task, struct task_facts *facts);
u32 task_facts_foreign(const struct task_facts *facts); /* mask of namespaces not initial */

/* Also the same one. While the inner one is held. */
bool pid_ns_within(const struct pid_namespace *ns, const struct pid_namespace *outer);
bool user_ns_within(const struct user_namespace *ns, const struct user_namespace *outer);

#endif
