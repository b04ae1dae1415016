// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many tasks of containers may be dumping core
 *
 * A dump holds one of the kernel.core_pipe_limit slots of the machine before we are
 * asked, until the last reader of its pipe has gone. ATTACK: that is long after the
 * end of a handler that has left it with another process of its container. So who
 * is counted is the process that dumps, until its own end; and one that is refused
 * goes there at once. They are looked at when one more comes: nobody waits for a slot.
 */
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "cores.h"
#include "subject.h"
#include "table.h"

static unsigned int cores_max = 12;
module_param(cores_max, uint, 0644);
MODULE_PARM_DESC(cores_max, "processes of all containers that may be dumping core (default: 12)");
static unsigned int cores_share = 4;
module_param(cores_share, uint, 0644);
MODULE_PARM_DESC(cores_share, "the same of one container (default: 4)");

/* Whom root has not registered: who makes these may have many. */
enum cores_crowd {
	CORES_OF_NONE,
	CORES_OF_USERS,	    /* registered by ordinary users */
	CORES_OF_ADOPTABLE, /* nobody has yet */
};

struct core_slot {
	struct list_head link;
	/* Numbers, all of them: an entry, or a pid, would stay with its namespaces. */
	pid_t dumper; /* its thread group's, in the initial namespace */
	u64 begun;    /* when it was, since the number may be another's by now */
	u64 owner;
	enum cores_crowd crowd;
};

static DEFINE_SPINLOCK(cores_lock);
static LIST_HEAD(cores);

static void slots_free(struct list_head *slots)
{
	struct core_slot *slot, *next;

	list_for_each_entry_safe(slot, next, slots, link)
		kfree(slot);
}

static bool has_ended(const struct core_slot *slot)
{
	struct task_struct *leader;
	bool ended;

	rcu_read_lock();
	leader = pid_task(find_pid_ns(slot->dumper, &init_pid_ns), PIDTYPE_TGID);
	ended = !leader || leader->start_boottime != slot->begun || compat_group_ended(leader);
	rcu_read_unlock();
	return ended;
}

static bool is_same(const struct core_slot *slot, const struct core_slot *another)
{
	return slot->dumper == another->dumper && slot->begun == another->begun;
}

/*
 * Moves those that have ended to @ended, and counts the others. One of the same dumper
 * goes, too: it was nobody's container's when it came, and comes once more, adopted.
 */
static bool cores_are_full(const struct core_slot *another, struct list_head *ended)
{
	struct core_slot *slot, *next;
	unsigned int all = 0, share = 0, crowd = 0, crowds = 0;
	const unsigned int most = READ_ONCE(cores_max);

	lockdep_assert_held(&cores_lock);
	list_for_each_entry_safe(slot, next, &cores, link) {
		if (is_same(slot, another) || has_ended(slot)) {
			list_move(&slot->link, ended);
			continue;
		}
		all++;
		share += slot->owner == another->owner;
		crowd += slot->crowd == another->crowd;
		crowds += slot->crowd != CORES_OF_NONE;
	}
	if (all >= most || share >= READ_ONCE(cores_share))
		return true;
	/* as in the queue: half for each crowd, three quarters for both */
	return another->crowd != CORES_OF_NONE &&
	       (crowd >= most - most / 2 || crowds >= most - most / 4);
}

static enum cores_crowd crowd_of(const struct subject *subject)
{
	if (subject_is_adoptable(subject))
		return CORES_OF_ADOPTABLE;
	return subject->entry && subject->entry->owner ? CORES_OF_USERS : CORES_OF_NONE;
}

/* Whose share it is: ids of entries and of cgroups are small numbers. 0: nobody's. */
static u64 owner_of(const struct subject *subject)
{
	if (subject_is_adoptable(subject))
		return subject->adoption.cgroup_id | BIT_ULL(63);
	return subject->entry ? subject->entry->id : 0;
}

int cores_enter(const struct subject *subject)
{
	struct core_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);
	LIST_HEAD(ended);
	bool full;

	if (!slot)
		return -ENOMEM;
	slot->dumper = task_tgid_nr(current);
	slot->begun = current->group_leader->start_boottime;
	slot->owner = owner_of(subject);
	slot->crowd = crowd_of(subject);
	spin_lock(&cores_lock);
	full = cores_are_full(slot, &ended);
	list_add(&slot->link, full ? &ended : &cores);
	spin_unlock(&cores_lock);
	slots_free(&ended);
	return full ? -EDQUOT : 0;
}

void cores_exit(void)
{
	slots_free(&cores);
}
