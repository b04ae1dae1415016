// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue: all upcalls that have not ended, and how many there may be
 *
 * In the order of their ids. An upcall comes in before it is offered, so that
 * whoever is refused has never been announced, and leaves with its ending.
 */
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "queue.h"
#include "subject.h"
#include "table.h"
#include "tags.h"
#include "upcall_object.h"

#define QUEUE_MAX     4096 /* upcalls that have not ended, on the whole machine */
#define MODULES_MAX   8 /* the kernel has 50 slots for everybody */
#define MODULES_SHARE 2 /* of one container */
#define CROWD_PART(n)  ((n) / 2) /* the most for a crowd, however many they are */
#define CROWDS_PART(n) ((n) * 3 / 4) /* for both */

static unsigned int pending_max = 64;
module_param(pending_max, uint, 0644);
MODULE_PARM_DESC(pending_max, "upcalls of one container that may wait or run (default: 64)");

static DEFINE_SPINLOCK(queue_lock);
static LIST_HEAD(queue);
static unsigned int queue_count;
static unsigned int queue_offered;
static unsigned long queue_offered_ever = 1;
static unsigned int queue_modules;
static struct queue_share unowned; /* of no entry: ambiguous ones are like one container */
/* Crowds: of all that ordinary users have registered, and of all that nobody has yet */
static struct queue_share users;
static struct queue_share adoptable;
static u64 queue_next_id = 1;
static bool queue_draining;
static DECLARE_WAIT_QUEUE_HEAD(queue_wait);

/* NULL: of a container that may be adopted, which has no place to count in. */
static struct queue_share *share_of(const struct upcall *upcall)
{
	if (upcall->adopt_cgroup)
		return NULL;
	return upcall->entry ? &upcall->entry->share : &unowned;
}

/* Of its cgroup alone, so that one such container does not keep the others from being adopted. */
static struct queue_share adoptable_share(const struct upcall *upcall)
{
	struct queue_share share = {};
	const struct upcall *other;

	lockdep_assert_held(&queue_lock);
	list_for_each_entry(other, &queue, link) {
		if (other->adopt_cgroup != upcall->adopt_cgroup)
			continue;
		share.pending++;
		share.modules += other->class == UPCALL_CLASS_MODULE;
	}
	return share;
}

/* NULL: it is one of those that root has registered, or could be of several. */
static struct queue_share *crowd_of(const struct upcall *upcall)
{
	if (upcall->adopt_cgroup)
		return &adoptable;
	return upcall->entry && upcall->entry->owner ? &users : NULL;
}

static void share_count(struct queue_share *share, const struct upcall *upcall, int step)
{
	WRITE_ONCE(share->pending, share->pending + step);
	if (upcall->class == UPCALL_CLASS_MODULE)
		share->modules += step;
}

/* Every counter that an upcall in the queue is in: +1 or -1. */
static void queue_count_upcall(struct upcall *upcall, int step)
{
	struct queue_share *share = share_of(upcall);
	struct queue_share *crowd = crowd_of(upcall);

	lockdep_assert_held(&queue_lock);
	WRITE_ONCE(queue_count, queue_count + step);
	if (upcall->class == UPCALL_CLASS_MODULE)
		queue_modules += step;
	if (share)
		share_count(share, upcall, step);
	if (crowd)
		share_count(crowd, upcall, step);
}

/*
 * A user has many containers, and there are many users; who may be adopted is as many as
 * there are cgroups that a pattern fits: none that root has registered pays for that.
 */
static bool crowd_is_full(const struct upcall *upcall)
{
	const struct queue_share *crowd = crowd_of(upcall);

	if (!crowd)
		return false;
	if (crowd->pending >= CROWD_PART(QUEUE_MAX) ||
	    users.pending + adoptable.pending >= CROWDS_PART(QUEUE_MAX))
		return true;
	return upcall->class == UPCALL_CLASS_MODULE &&
	       (crowd->modules >= CROWD_PART(MODULES_MAX) ||
		users.modules + adoptable.modules >= CROWDS_PART(MODULES_MAX));
}

static bool modules_are_full(const struct queue_share *share)
{
	return queue_modules >= MODULES_MAX || share->modules >= MODULES_SHARE;
}

static bool queue_is_full(const struct upcall *upcall)
{
	struct queue_share share;

	lockdep_assert_held(&queue_lock);
	share = upcall->adopt_cgroup ? adoptable_share(upcall) : *share_of(upcall);
	if (queue_count >= QUEUE_MAX || share.pending >= READ_ONCE(pending_max) ||
	    crowd_is_full(upcall))
		return true;
	return upcall->class == UPCALL_CLASS_MODULE && modules_are_full(&share);
}

static void queue_remove(struct upcall *upcall)
{
	lockdep_assert_held(&queue_lock);
	list_del_init(&upcall->link);
	queue_count_upcall(upcall, -1);
}

/* The state is written under the lock that finders hold: what they find is whole. */
void queue_set_state(struct upcall *upcall, enum upcall_state to)
{
	spin_lock(&queue_lock);
	if (upcall->state == UPCALL_STATE_OFFERED)
		WRITE_ONCE(queue_offered, queue_offered - 1);
	if (to == UPCALL_STATE_OFFERED) {
		WRITE_ONCE(queue_offered, queue_offered + 1);
		WRITE_ONCE(queue_offered_ever, queue_offered_ever + 1);
	}
	WRITE_ONCE(upcall->state, to);
	if (upcall_state_is_final(to))
		queue_remove(upcall);
	spin_unlock(&queue_lock);
}

int queue_add(struct upcall *upcall)
{
	int ret = 0;

	spin_lock_irq(&queue_lock);
	if (queue_draining) {
		ret = -EKEYREJECTED;
	} else if (queue_is_full(upcall)) {
		ret = -EDQUOT;
	} else {
		upcall->id = queue_next_id++;
		list_add_tail(&upcall->link, &queue);
		queue_count_upcall(upcall, 1);
	}
	spin_unlock_irq(&queue_lock);
	return ret;
}

void queue_forget(struct upcall *upcall)
{
	spin_lock_irq(&queue_lock);
	queue_remove(upcall);
	spin_unlock_irq(&queue_lock);
}

struct upcall *queue_find(u64 id, u32 generation)
{
	struct upcall *upcall, *found = ERR_PTR(-ENOENT);

	spin_lock_irq(&queue_lock);
	list_for_each_entry(upcall, &queue, link) {
		/* a new one has no tags yet */
		if (upcall->id != id || upcall->state == UPCALL_STATE_NEW)
			continue;
		if (READ_ONCE(upcall->generation) == generation) {
			upcall_get(upcall);
			found = upcall;
		} else {
			found = ERR_PTR(-ESTALE);
		}
		break;
	}
	spin_unlock_irq(&queue_lock);
	return found;
}

/* A number for people: read without the lock that it is written under. */
static u64 deadline_left_ns(const struct upcall *upcall)
{
	unsigned long deadline = READ_ONCE(upcall->deadline);

	if (!time_after(deadline, jiffies))
		return 0;
	return (u64)jiffies_to_msecs(deadline - jiffies) * NSEC_PER_MSEC;
}

u32 queue_list(u64 after, struct upcall_list_entry *entries, u32 room)
{
	struct upcall *upcall;
	struct pid *handler;
	u32 count = 0;
	u64 now;

	spin_lock_irq(&queue_lock);
	/* ORDER: locked, else one that is made meanwhile is younger than nothing */
	now = ktime_get_boottime_ns();
	list_for_each_entry(upcall, &queue, link) {
		struct upcall_list_entry *entry = &entries[count];

		if (upcall->id <= after || upcall->state == UPCALL_STATE_NEW)
			continue;
		if (count == room)
			break;
		memset(entry, 0, sizeof(*entry));
		entry->id = upcall->id;
		entry->container = upcall->entry ? upcall->entry->id : 0;
		entry->age_ns = now - upcall->created;
		entry->deadline_ns = deadline_left_ns(upcall);
		entry->generation = READ_ONCE(upcall->generation);
		entry->state = READ_ONCE(upcall->state);
		entry->class = upcall->class;
		handler = READ_ONCE(upcall->handler);
		if (handler)
			entry->handler = pid_nr(handler);
		count++;
	}
	spin_unlock_irq(&queue_lock);
	return count;
}

bool queue_has_offered(void)
{
	return READ_ONCE(queue_offered);
}

unsigned long queue_offers(void)
{
	return READ_ONCE(queue_offered_ever);
}

bool queue_is_empty(void)
{
	return !READ_ONCE(queue_count);
}

/* A reference to one that waits for a claim: of the container, or with 0 of anybody. */
static struct upcall *queue_first_offered(u64 container)
{
	struct upcall *upcall, *found = NULL;

	spin_lock_irq(&queue_lock);
	list_for_each_entry(upcall, &queue, link) {
		if (upcall->state != UPCALL_STATE_OFFERED ||
		    (container && (!upcall->entry || upcall->entry->id != container)))
			continue;
		upcall_get(upcall);
		found = upcall;
		break;
	}
	spin_unlock_irq(&queue_lock);
	return found;
}

void queue_refuse(u64 container)
{
	struct upcall *upcall;

	while ((upcall = queue_first_offered(container))) {
		upcall_refuse(upcall, READ_ONCE(upcall->generation), EIO);
		upcall_put(upcall);
	}
}

/*
 * What enters OFFERED after the flag is set finds it there (upcall_announce()),
 * what did so before is found here.
 */
void queue_drain(bool drain)
{
	spin_lock_irq(&queue_lock);
	WRITE_ONCE(queue_draining, drain);
	spin_unlock_irq(&queue_lock);
	if (drain)
		queue_refuse(0);
}

bool queue_is_draining(void)
{
	return READ_ONCE(queue_draining);
}

void queue_wake(void)
{
	wake_up_interruptible_poll(&queue_wait, EPOLLIN | EPOLLRDNORM);
}

void queue_poll_wait(struct file *file, struct poll_table_struct *table)
{
	poll_wait(file, &queue_wait, table);
}

/* Of containers that share a cgroup, one must not seem to be in the other's handler. */
static bool is_inside(const struct table_entry *entry)
{
	return entry && pid_ns_within(task_active_pid_ns(current), entry->pid_ns) &&
	       user_ns_within(current_real_cred()->user_ns, entry->user_ns);
}

/*
 * A handler that raises an upcall is found by the leaf cgroup that it attached
 * in, which nothing else shares but for answerers, which raise none for it: its
 * id, and one more level.
 */
void queue_depth(const struct subject *subject, struct tags_upcall *nested)
{
	struct upcall *upcall;

	nested->parent = 0;
	nested->depth = 0;
	if (!subject->cgroup_id)
		return;
	spin_lock_irq(&queue_lock);
	list_for_each_entry(upcall, &queue, link)
		if (READ_ONCE(upcall->handler_cgroup) == subject->cgroup_id &&
		    is_inside(upcall->entry)) {
			nested->parent = upcall->id;
			nested->depth = upcall->depth + 1;
			break;
		}
	spin_unlock_irq(&queue_lock);
}
