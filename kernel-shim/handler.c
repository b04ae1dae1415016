// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cgroup.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/umh.h>
#include <linux/wait.h>

#include "compat.h"
#include "upcall_object.h"

/*
 * Called when the handler's thread group has ended, under tasklist_lock and the
 * wait queue's lock, with interrupts off.
 */
static int handler_wake(wait_queue_entry_t *watch, unsigned int mode, int flags, void *key)
{
	struct upcall *upcall = container_of(watch, struct upcall, watch);
	struct task_struct *leader;
	unsigned long irqflags;
	int status = SIGKILL;
	bool alive = false;
	bool mine;

	rcu_read_lock();
	leader = pid_task(upcall->handler, PIDTYPE_PID);
	if (leader) {
		alive = !compat_group_ended(leader);
		status = compat_exit_status(leader);
	}
	rcu_read_unlock();
	if (alive)
		return 0;

	spin_lock_irqsave(&upcall->lock, irqflags);
	mine = upcall->watched;
	if (mine) {
		upcall->watched = false;
		list_del_init(&watch->entry);
		if (upcall->state == UPCALL_STATE_RUNNING)
			upcall_end(upcall, UPCALL_STATE_DONE, 0, status);
	}
	spin_unlock_irqrestore(&upcall->lock, irqflags);
	/* ORDER: unlocked, because the watch's reference, maybe the last, goes with it */
	if (mine)
		upcall_ended(upcall);
	return 0;
}

void handler_init(struct upcall *upcall)
{
	init_waitqueue_func_entry(&upcall->watch, handler_wake);
	INIT_LIST_HEAD(&upcall->watch.entry);
}

/* Under RCU. 0 for the root, which is no leaf and would be everybody's. */
static u64 leaf_cgroup_id(void)
{
	struct cgroup *cgroup = task_dfl_cgroup(current);

	return cgroup_parent(cgroup) ? cgroup_id(cgroup) : 0;
}

void handler_watch(struct upcall *upcall)
{
	/* queue.c looks at these two without our lock */
	WRITE_ONCE(upcall->handler, get_pid(task_tgid(current)));
	rcu_read_lock();
	WRITE_ONCE(upcall->handler_cgroup, leaf_cgroup_id());
	rcu_read_unlock();
	upcall_get(upcall);
	upcall->watched = true;
	add_wait_queue(&upcall->handler->wait_pidfd, &upcall->watch);
}

void handler_end(struct upcall *upcall)
{
	bool mine;

	kill_pid(upcall->handler, SIGKILL, 1);
	/* ORDER: wait_pidfd.lock comes before ours, so: off the queue first */
	remove_wait_queue(&upcall->handler->wait_pidfd, &upcall->watch);
	spin_lock_irq(&upcall->lock);
	mine = upcall->watched;
	upcall->watched = false;
	spin_unlock_irq(&upcall->lock);
	if (mine)
		upcall_put(upcall);
}
