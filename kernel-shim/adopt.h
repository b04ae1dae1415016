/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules for containers that nobody has registered, which are told by the host's
 * part of their cgroup's path
 */
#ifndef UPCALL_SHIM_ADOPT_H
#define UPCALL_SHIM_ADOPT_H

#include "upcall.h"

struct task_facts;

/* Whom the broker may register. */
struct adoption {
	u64 cgroup_id;	/* that the pattern fits; 0: no rule is about it */
	u32 leader;	/* thread group id; 0: nobody can be registered */
	u64 start_time; /* the leader's */
};

/* No rule at all: the common case. */
bool adopt_is_empty(void);

/*
 * Under RCU. The policy of the rule that a task's container falls under, and whom it
 * is about; NULL: of none. -ENOMEM: it could not be told.
 */
const struct upcall_policy *adopt_find(const struct task_facts *facts, struct adoption *ret);

/* The errors are those of UPCALL_IOC_ADOPT in upcall.h. @rules are copied. */
int adopt_set(const struct upcall_adoption *rules, u32 count);

#endif
