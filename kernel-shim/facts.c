// SPDX-License-Identifier: GPL-2.0-only
/* What a task is in, and whether that is the host's */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ipc_namespace.h>
#include <linux/irqflags.h>
#include <linux/mnt_namespace.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/preempt.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>

#include "facts.h"

static void facts_from_nsproxy(const struct nsproxy *nsproxy, struct task_facts *facts)
{
	/* first member of struct mnt_namespace: see compat.h */
	facts->ns[UPCALL_NS_MNT] = ((struct ns_common *)nsproxy->mnt_ns)->inum;
	facts->ns[UPCALL_NS_NET] = nsproxy->net_ns->ns.inum;
	facts->ns[UPCALL_NS_UTS] = nsproxy->uts_ns->ns.inum;
	facts->ns[UPCALL_NS_IPC] = nsproxy->ipc_ns->ns.inum;
	facts->ns[UPCALL_NS_CGROUP] = nsproxy->cgroup_ns->ns.inum;
	facts->ns[UPCALL_NS_TIME] = nsproxy->time_ns->ns.inum;
	facts->net_cookie = nsproxy->net_ns->net_cookie;
}

bool task_facts_get(struct task_struct *task, struct task_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->pid_ns = task_active_pid_ns(task);
	if (facts->pid_ns)
		facts->ns[UPCALL_NS_PID] = facts->pid_ns->ns.inum;
	facts->user_ns = __task_cred(task)->user_ns;
	facts->ns[UPCALL_NS_USER] = facts->user_ns->ns.inum;
	facts->cgroup = task_dfl_cgroup(task);
	facts->cgroup_id = cgroup_id(facts->cgroup);

	if (task == current) { /* nobody else exchanges its nsproxy */
		if (task->nsproxy)
			facts_from_nsproxy(task->nsproxy, facts);
		return true;
	}
	/*
	 * Who holds this lock has interrupts and bottom halves on: who has them off, maybe
	 * under a lock that these take, too, must not wait for him.
	 */
	if (!spin_trylock(&task->alloc_lock)) {
		if (irqs_disabled() || in_softirq())
			return false;
		task_lock(task);
	}
	if (task->nsproxy)
		facts_from_nsproxy(task->nsproxy, facts);
	task_unlock(task);
	return true;
}

static u32 initial_ns[UPCALL_NS_COUNT] __ro_after_init;

void __init task_facts_init(void)
{
	struct task_facts facts;

	rcu_read_lock();
	task_facts_get(&init_task, &facts);
	rcu_read_unlock();
	memcpy(initial_ns, facts.ns, sizeof(initial_ns));
}

u32 task_facts_foreign(const struct task_facts *facts)
{
	u32 mask = 0;
	int i;

	for (i = 0; i < UPCALL_NS_COUNT; i++)
		if (facts->ns[i] && facts->ns[i] != initial_ns[i])
			mask |= BIT(i);
	return mask;
}

bool pid_ns_within(const struct pid_namespace *ns, const struct pid_namespace *outer)
{
	for (; ns; ns = ns->parent)
		if (ns == outer)
			return true;
	return false;
}

bool user_ns_within(const struct user_namespace *ns, const struct user_namespace *outer)
{
	for (; ns; ns = ns->parent)
		if (ns == outer)
			return true;
	return false;
}
