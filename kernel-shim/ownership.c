// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose a container is, where an ordinary user says that it is his
 *
 * A user namespace tells who made it. He has all capabilities in it and in whatever is
 * made in it: what a handler does there, he could do himself. The rule is the kernel's
 * own (cap_capable()): the namespace right below the initial one counts, as who made one
 * further down is but somebody inside.
 *
 * ATTACK: a user namespace can be made anywhere, also by who sits in a pid, mount,
 * network or cgroup namespace of somebody else's. An entry is found by these, too, so
 * each that is not the host's has to be of the same user; of pid namespaces, which lie
 * in each other, those around it, too: an entry in there would be nearer than that of
 * the container around, and what it is refused would be so no more.
 */
#include <linux/bits.h>
#include <linux/cgroup.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/proc_ns.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

#include "facts.h"
#include "ownership.h"

static bool user_ns_is_of(const struct user_namespace *ns, kuid_t uid)
{
	for (; ns->parent; ns = ns->parent)
		if (ns->parent == &init_user_ns)
			return uid_eq(ns->owner, uid);
	return false;
}

static bool ns_is_of(struct ns_common *ns, kuid_t uid)
{
	return user_ns_is_of(ns->ops->owner(ns), uid);
}

/* The number tells that it is the one of the facts. */
static int check_ns(struct ns_common *ns, const struct task_facts *facts, enum upcall_ns which,
		    kuid_t uid)
{
	if (ns->inum != facts->ns[which])
		return -ESRCH;
	if (!(task_facts_foreign(facts) & BIT(which)))
		return 0;
	return ns_is_of(ns, uid) ? 0 : -EPERM;
}

static int check_nsproxy(const struct nsproxy *nsproxy, const struct task_facts *facts, kuid_t uid)
{
	int ret;

	/* first member of struct mnt_namespace: see compat.h */
	ret = check_ns((struct ns_common *)nsproxy->mnt_ns, facts, UPCALL_NS_MNT, uid);
	if (!ret)
		ret = check_ns(&nsproxy->net_ns->ns, facts, UPCALL_NS_NET, uid);
	/* its root is a boundary, and finds release agents */
	if (!ret)
		ret = check_ns(&nsproxy->cgroup_ns->ns, facts, UPCALL_NS_CGROUP, uid);
	return ret;
}

static bool pid_ns_is_of(const struct pid_namespace *ns, kuid_t uid)
{
	for (; ns->parent; ns = ns->parent)
		if (!user_ns_is_of(ns->user_ns, uid))
			return false;
	return true;
}

int ownership_check(struct task_struct *task, const struct task_facts *facts, kuid_t uid)
{
	int ret;

	if (!user_ns_is_of(facts->user_ns, uid) || !pid_ns_is_of(facts->pid_ns, uid))
		return -EPERM;
	task_lock(task);
	ret = task->nsproxy ? check_nsproxy(task->nsproxy, facts, uid) : -ESRCH;
	task_unlock(task);
	return ret;
}
