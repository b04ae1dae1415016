// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tombstones
 *
 * When a leader dies, or leaves any of the namespaces that it was registered
 * with, what remains of the container must not fall back to the host path. The
 * entry stays and everything of it is DENY, until its leader is dead and its
 * cgroup empty, or the broker deletes it. Where the leader was the init of the
 * container's own pid namespace, and nothing else tells of its tasks but a cgroup
 * that nobody has named, nothing remains of a dead one: the kernel kills all of a
 * pid namespace before its init is reported dead.
 */
#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/llist.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "facts.h"
#include "table.h"

/*
 * Looked at often when one is new, because the rest of a container ends soon after
 * its leader, and its namespaces live as long as the entry; then less and less,
 * because what has not ended by then may live for ever.
 */
#define TOMBSTONE_PERIOD_MIN (HZ / 8)
#define TOMBSTONE_PERIOD_MAX (5 * HZ)

static unsigned long tombstone_period;
/* All of them, each with a reference, so that nobody has to look at who lives. */
static LLIST_HEAD(tombstone_list);
static void tombstones_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(tombstones, tombstones_work);

static void tombstones_soon(void)
{
	WRITE_ONCE(tombstone_period, TOMBSTONE_PERIOD_MIN);
	mod_delayed_work(table_workqueue, &tombstones, 0);
}

void tombstone_drop(void)
{
	tombstones_soon();
}

/* Once, whoever notices; under RCU or the leader's watch. */
static void tombstone_set(struct table_entry *entry)
{
	/* none: it is being freed, and in nobody's way */
	if (!atomic_xchg(&entry->tombstone, 1) && table_entry_get(entry))
		llist_add(&entry->tombstone_link, &tombstone_list);
	tombstones_soon();
}

/* ----------------------------------------------------------------- leader */

static bool leader_lives(const struct table_entry *entry)
{
	struct task_struct *leader;
	bool lives;

	rcu_read_lock();
	leader = pid_task(entry->leader, PIDTYPE_PID);
	lives = leader && !compat_group_ended(leader);
	rcu_read_unlock();
	return lives;
}

/*
 * Under RCU. -ESRCH: there is nobody to ask; -EAGAIN: he does not tell now, and the
 * upcall is one that cannot wait: what of a container's would be offered is refused.
 */
static int leader_facts(const struct table_entry *entry, struct task_facts *facts)
{
	struct task_struct *leader = pid_task(entry->leader, PIDTYPE_TGID);

	if (!leader)
		return -ESRCH;
	return task_facts_get(leader, facts) ? 0 : -EAGAIN;
}

/*
 * Is the leader in the namespaces that it was registered with? Of a thread-group
 * leader that has exited while its group lives (a main thread that has ended, or
 * for a moment an exec by another thread) most of them cannot be told any more, and
 * once the exec has taken its pid not even the pid namespace: it has not moved.
 * Nobody enters the container by it meanwhile: the broker, which compares too,
 * finds none of them.
 */
static bool leader_stays(const struct table_entry *entry, const struct task_facts *facts)
{
	if (facts->user_ns != entry->user_ns)
		return false;
	if (!facts->ns[UPCALL_NS_MNT])
		return (!facts->pid_ns || facts->pid_ns == entry->pid_ns) && leader_lives(entry);
	return facts->pid_ns == entry->pid_ns && facts->net_cookie == entry->net_cookie &&
	       !memcmp(facts->ns, entry->ns, sizeof(facts->ns));
}

bool tombstone_leader_holds_mnt(const struct table_entry *entry)
{
	struct task_facts facts;
	int ret = leader_facts(entry, &facts);

	return ret ? ret == -EAGAIN : facts.ns[UPCALL_NS_MNT] == entry->ns[UPCALL_NS_MNT];
}

/*
 * All that the broker compares before it enters the container: an entry that is
 * live here and dead there would be one that nobody answers for.
 */
bool tombstone_is(struct table_entry *entry)
{
	struct task_facts facts;
	int ret;

	if (atomic_read(&entry->tombstone))
		return true;
	ret = leader_facts(entry, &facts);
	if (ret == -EAGAIN || (!ret && leader_stays(entry, &facts)))
		return false;
	tombstone_set(entry);
	return true;
}

/* ------------------------------------------------------------------ watch */

/* Runs under tasklist_lock and the wait queue's, so: a flag, a list without a lock and a work. */
static int leader_wake(wait_queue_entry_t *watch, unsigned int mode, int flags, void *key)
{
	struct table_entry *entry = container_of(watch, struct table_entry, leader_watch);

	if (leader_lives(entry))
		return 0;
	tombstone_set(entry);
	return 0;
}

void tombstone_watch(struct table_entry *entry)
{
	init_waitqueue_func_entry(&entry->leader_watch, leader_wake);
	add_wait_queue(&entry->leader->wait_pidfd, &entry->leader_watch);
}

void tombstone_unwatch(struct table_entry *entry)
{
	remove_wait_queue(&entry->leader->wait_pidfd, &entry->leader_watch);
}

/* -------------------------------------------------------------------- end */

/*
 * cgroup_is_populated() looks at numbers of which two change when a task moves between a
 * cgroup and one below it, under the kernel's css_set_lock, which modules do not have.
 * ATTACK: to who looks at each once, a task that goes to and fro may be in neither. It is
 * counted where it goes before it is not any more where it was, so it would have to move
 * between any two of these looks, which take some nanoseconds.
 */
#define POPULATED_LOOKS 32

static bool is_populated(struct cgroup *cgroup)
{
	int i;

	for (i = 0; i < POPULATED_LOOKS; i++) {
		/* until 7.3 it does not say READ_ONCE() itself */
		if (data_race(cgroup_is_populated(cgroup)))
			return true;
		smp_rmb(); /* a look, and then the next; there is nothing to pair with */
	}
	return false;
}

int cgroup_id_populated(u64 id)
{
	struct cgroup *cgroup = cgroup_get_from_id(id);
	bool populated;

	if (IS_ERR(cgroup))
		return -ENOENT;
	populated = is_populated(cgroup);
	cgroup_put(cgroup);
	return populated;
}

static bool tombstone_empty(const struct table_entry *entry)
{
	/* dead, or only gone elsewhere? It may have left its cgroup, too */
	if (leader_lives(entry))
		return false;
	/*
	 * Who is left in a cgroup that others may be in is no sign of its tasks. But in a user
	 * namespace of its own there can be some that are not in its pid namespace.
	 */
	if (entry->leader_is_init &&
	    (!entry->cgroup_id || (entry->cgroup_shared && !(entry->own_ns & BIT(UPCALL_NS_USER)))))
		return true;
	return cgroup_id_populated(entry->cgroup_id) <= 0;
}

static void tombstones_work(struct work_struct *work)
{
	unsigned long period = READ_ONCE(tombstone_period);
	struct table_entry *entry, *next;
	bool left = false;

	llist_for_each_entry_safe(entry, next, llist_del_all(&tombstone_list), tombstone_link) {
		if (table_del_empty(entry, tombstone_empty)) {
			table_entry_put(entry);
		} else {
			llist_add(&entry->tombstone_link, &tombstone_list);
			left = true;
		}
	}
	if (!left)
		return;
	/* unless another has died meanwhile */
	cmpxchg(&tombstone_period, period, min(2 * period, (unsigned long)TOMBSTONE_PERIOD_MAX));
	/* ORDER: not mod_: that would put off one which became due meanwhile */
	queue_delayed_work(table_workqueue, &tombstones, period);
}

void tombstone_exit(void)
{
	struct table_entry *entry, *next;

	cancel_delayed_work_sync(&tombstones);
	llist_for_each_entry_safe(entry, next, llist_del_all(&tombstone_list), tombstone_link)
		table_entry_put(entry);
}
