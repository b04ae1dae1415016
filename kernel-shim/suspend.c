// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend
 *
 * Before Linux freezes anybody it waits five seconds for its helpers, and fails
 * with EAGAIN if one still runs. It knows nothing of ours. A requester that holds
 * no lock in anybody's way freezes where it waits (offer.c), however long its
 * handler takes. One that may hold another must not: devices that are suspended
 * then, or tasks that cannot freeze, may want it. So for these we do as Linux does,
 * and as early that no handler is frozen meanwhile.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <keys/user-type.h>
#include <linux/atomic.h>
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/key.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/suspend.h>
#include <linux/wait.h>

#include "compat.h"
#include "subject.h"
#include "suspend.h"

#define SUSPEND_WAIT (5 * HZ) /* RUNNING_HELPERS_TIMEOUT */

/* How many at once: an open /dev/snapshot is one, and does not keep others from theirs. */
static atomic_t suspending = ATOMIC_INIT(0);
static atomic_t holders = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(holders_gone);

/*
 * A core dump holds no lock. request_key(2) holds key_types_sem, for reading: who
 * waits for that to load a module does not freeze, and suspend fails as it would
 * for a driver that loads; who wants it for reading does. The kernel asks under a
 * task's own credentials, too, and with other locks (cifs, nvdimm), but never for a
 * "user" key.
 */
unsigned int suspend_freezable(const struct subject *subject)
{
	if (subject->class == UPCALL_CLASS_CORE)
		return TASK_FREEZABLE;
	if (subject_is_own(subject) && subject->key && subject->key->type == &key_type_user)
		return TASK_FREEZABLE_UNSAFE;
	return 0;
}

/*
 * The freezer stops a task by a signal that is none. Who returns to user space
 * forgets it there, but a core dump would end of it: as zap_threads() does, all
 * are forgotten but the one that kills, and a stop of its cgroup.
 */
void suspend_forget(void)
{
	/* our own, which stays while we live */
	struct sighand_struct *sighand = rcu_dereference_protected(current->sighand, true);

	try_to_freeze();
	if (!signal_pending(current))
		return;
	spin_lock_irq(&sighand->siglock);
	if (!__fatal_signal_pending(current) && !(current->jobctl & JOBCTL_TRAP_FREEZE))
		clear_thread_flag(TIF_SIGPENDING);
	else
		recalc_sigpending();
	spin_unlock_irq(&sighand->siglock);
}

bool suspend_hold(void)
{
	atomic_inc(&holders);
	/* ORDER: counted, then the look; pairs with suspend_begin() */
	smp_mb__after_atomic();
	if (!atomic_read(&suspending))
		return true;
	suspend_release();
	return false;
}

void suspend_release(void)
{
	if (atomic_dec_and_test(&holders))
		wake_up_all(&holders_gone);
}

static int suspend_begin(void)
{
	atomic_inc(&suspending);
	smp_mb__after_atomic(); /* pairs with suspend_hold() */
	if (wait_event_timeout(holders_gone, !atomic_read(&holders), SUSPEND_WAIT))
		return 0;
	pr_info("%d upcalls that must not freeze are still waited for: no suspend\n",
		atomic_read(&holders));
	/* who has failed is not told that it is over */
	atomic_dec(&suspending);
	return -EAGAIN;
}

static int suspend_notify(struct notifier_block *block, unsigned long action, void *data)
{
	switch (action) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		return notifier_from_errno(suspend_begin());
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		/* not of one that had begun when we were loaded */
		atomic_dec_if_positive(&suspending);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block suspend_block = { .notifier_call = suspend_notify };

int suspend_init(void)
{
	return register_pm_notifier(&suspend_block);
}

void suspend_exit(void)
{
	unregister_pm_notifier(&suspend_block);
}
