// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of the table: how one is made of its leader, is told, and ends
 *
 * What an entry is of is made here and stays as it is; its policy, tombstone, share
 * and places in the table are not: see table.c.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "entry.h"
#include "facts.h"
#include "ownership.h"
#include "policy.h"
#include "table.h"

static void entry_free(struct work_struct *work)
{
	struct table_entry *entry = container_of(to_rcu_work(work), struct table_entry, free);

	if (entry->pid_ns)
		put_pid_ns(entry->pid_ns);
	if (entry->user_ns)
		put_user_ns(entry->user_ns);
	if (entry->cgroup_ns)
		put_cgroup_ns(entry->cgroup_ns);
	put_pid(entry->leader);
	kfree(rcu_dereference_protected(entry->policy, true));
	kfree(entry);
}

struct table_entry *table_entry_get(struct table_entry *entry)
{
	return entry && refcount_inc_not_zero(&entry->refs) ? entry : NULL;
}

void table_entry_put(struct table_entry *entry)
{
	/* the references it holds are dropped where sleeping is allowed */
	if (entry && refcount_dec_and_test(&entry->refs))
		queue_rcu_work(table_workqueue, &entry->free);
}

struct table_policy *table_policy_new(const struct upcall_policy *uapi)
{
	struct table_policy *policy;

	if (policy_check(uapi))
		return ERR_PTR(-EINVAL);
	policy = kzalloc(sizeof(*policy), GFP_KERNEL_ACCOUNT);
	if (!policy)
		return ERR_PTR(-ENOMEM);
	policy->uapi = *uapi;
	return policy;
}

static struct cgroup_namespace *own_cgroup_ns_get(struct task_struct *leader,
						  const struct task_facts *facts)
{
	struct cgroup_namespace *ns = NULL;

	if (!(task_facts_foreign(facts) & BIT(UPCALL_NS_CGROUP)))
		return NULL;
	task_lock(leader);
	/* the one that was looked at, or it has moved */
	if (leader->nsproxy && leader->nsproxy->cgroup_ns->ns.inum == facts->ns[UPCALL_NS_CGROUP]) {
		ns = leader->nsproxy->cgroup_ns;
		get_cgroup_ns(ns);
	}
	task_unlock(leader);
	return ns ?: ERR_PTR(-ESRCH);
}

/* In a cgroup that others may be in. */
static bool namespaces_tell(const struct table_entry *entry)
{
	return entry->own_ns & (BIT(UPCALL_NS_PID) | BIT(UPCALL_NS_USER));
}

/* The root of all is everybody's. */
static bool has_derived_cgroup(const struct table_entry *entry)
{
	return entry->cgroup_ns && namespaces_tell(entry) &&
	       cgroup_parent(entry->cgroup_ns->root_cset->dfl_cgrp);
}

/*
 * The boundary. Where none is named, others may be in that cgroup, too, as where
 * somebody has made two containers in one session: it tells only of tasks that a pid or
 * user namespace tells of as well.
 */
static int entry_bound(struct table_entry *entry, bool shared)
{
	entry->cgroup_shared = shared || !entry->cgroup_id;
	if (shared && !namespaces_tell(entry))
		return -ENOTUNIQ;
	if (!entry->cgroup_id && has_derived_cgroup(entry))
		entry->cgroup_id = cgroup_id(entry->cgroup_ns->root_cset->dfl_cgrp);
	/* whoever can outlive the leader would be nobody's without a cgroup */
	return entry->cgroup_id || entry->leader_is_init ? 0 : -ENOTUNIQ;
}

/* Fill in what the leader tells. Under RCU. */
static int entry_from_leader(struct table_entry *entry, struct task_struct *leader,
			     const struct upcall_container *container)
{
	bool bounded = !(container->flags & UPCALL_CONTAINER_UNBOUNDED);
	unsigned int flags = READ_ONCE(leader->flags);
	struct cgroup_namespace *cgroup_ns;
	struct task_facts facts;
	int ret;

	if (flags & (PF_KTHREAD | PF_EXITING))
		return flags & PF_KTHREAD ? -EINVAL : -ESRCH;
	if (entry->start_time && entry->start_time != leader->start_boottime)
		return -ESRCH;
	task_facts_get(leader, &facts);
	if (!facts.pid_ns || !facts.ns[UPCALL_NS_MNT])
		return -ESRCH;
	entry->own_ns = task_facts_foreign(&facts);
	if (!entry->own_ns)
		return -EINVAL;
	if (container->flags & UPCALL_CONTAINER_OWNED) {
		ret = ownership_check(leader, &facts, make_kuid(&init_user_ns, container->owner));
		if (ret)
			return ret;
	}
	entry->owner = container->owner;
	entry->start_time = leader->start_boottime;
	memcpy(entry->ns, facts.ns, sizeof(entry->ns));
	entry->net_cookie = facts.net_cookie;
	entry->leader_is_init = (entry->own_ns & BIT(UPCALL_NS_PID)) &&
				is_child_reaper(entry->leader);
	cgroup_ns = bounded ? own_cgroup_ns_get(leader, &facts) : NULL;
	if (IS_ERR(cgroup_ns))
		return PTR_ERR(cgroup_ns);
	entry->cgroup_ns = cgroup_ns;
	ret = entry_bound(entry, container->flags & UPCALL_CONTAINER_SHARED);
	if (ret)
		return ret;
	entry->pid_ns = get_pid_ns(facts.pid_ns);
	entry->user_ns = get_user_ns(facts.user_ns);
	return 0;
}

struct table_entry *table_entry_new(const struct upcall_container *container)
{
	struct table_policy *policy;
	struct table_entry *entry;
	struct task_struct *leader;
	int ret;

	policy = table_policy_new(&container->policy);
	if (IS_ERR(policy))
		return ERR_CAST(policy);
	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry) {
		kfree(policy);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&entry->refs, 1);
	INIT_RCU_WORK(&entry->free, entry_free);
	RCU_INIT_POINTER(entry->policy, policy);
	strscpy(entry->name, container->name, sizeof(entry->name));
	entry->start_time = container->start_time;
	entry->cgroup_id = container->cgroup_id;

	rcu_read_lock();
	entry->leader = get_pid(find_pid_ns(container->leader, &init_pid_ns));
	leader = pid_task(entry->leader, PIDTYPE_TGID);
	ret = leader ? entry_from_leader(entry, leader, container) : -ESRCH;
	rcu_read_unlock();
	if (ret) {
		table_entry_put(entry);
		return ERR_PTR(ret);
	}
	return entry;
}

void table_entry_tell(struct table_entry *entry, struct upcall_container *container)
{
	memset(container, 0, sizeof(*container));
	container->id = entry->id;
	strscpy(container->name, entry->name, sizeof(container->name));
	rcu_read_lock();
	container->state = tombstone_is(entry) ? UPCALL_CONTAINER_TOMBSTONE : UPCALL_CONTAINER_LIVE;
	rcu_read_unlock();
	container->leader = pid_nr(entry->leader);
	container->pending = READ_ONCE(entry->share.pending);
	container->start_time = entry->start_time;
	container->cgroup_id = entry->cgroup_id;
	if (entry->cgroup_id && entry->cgroup_shared)
		container->flags = UPCALL_CONTAINER_SHARED;
	container->net_cookie = entry->net_cookie;
	memcpy(container->ns, entry->ns, sizeof(container->ns));
	container->own_ns = entry->own_ns;
	container->owner = entry->owner;
}
