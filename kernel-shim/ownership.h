/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a task is in a container that a user has made. */
#ifndef UPCALL_SHIM_OWNERSHIP_H
#define UPCALL_SHIM_OWNERSHIP_H

#include <linux/uidgid.h>

struct task_facts;
struct task_struct;

/*
 * Is the task in a user namespace that the user made on the host, or in one below such, and are
 * its mount and network namespace, its pid namespace and those around that, the host's or of
 * such? 0; -EPERM: no; -ESRCH: it has moved since the facts were taken. Under RCU, in which
 * they were.
 */
int ownership_check(struct task_struct *task, const struct task_facts *facts, kuid_t uid);

#endif
