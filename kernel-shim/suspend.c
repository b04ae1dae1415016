// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend
 *
 * Before Linux freezes anybody it waits five seconds for its helpers, and fails
 * with EAGAIN if one still runs. It knows nothing of ours. Who dumps core holds no
 * lock and freezes where he waits (offer.c), however long his handler takes; for
 * what is detached nobody waits. All others may hold one, and request_key(2) does:
 * devices that are suspended then, or tasks that cannot freeze, may want it. So for
 * these we do as Linux does, and as early that no handler is frozen meanwhile. Nor
 * would the freezer of a version 1 cgroup let a deadline end a frozen one's wait.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/suspend.h>
#include <linux/wait.h>

#include "suspend.h"

#define SUSPEND_WAIT (5 * HZ) /* RUNNING_HELPERS_TIMEOUT */

/* How many at once: an open /dev/snapshot is one, and does not keep others from theirs. */
static atomic_t suspending = ATOMIC_INIT(0);
static atomic_t holders = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(holders_gone);

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
