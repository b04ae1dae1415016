// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of an upcall
 *
 *   NEW -> OFFERED -> CLAIMED -> ATTACHING -> RUNNING -> DONE
 *             ^----------'                              NATIVE, DEAD
 *
 * The requester's task waits in upcall_offer(). Everything that can end the
 * wait goes through upcall_answer(), which acts once; everything that ends the
 * upcall goes through upcall_end(). They differ only for callers that wait for
 * the exec (UMH_WAIT_EXEC): they are answered by ATTACH, while the helper's run
 * is still watched and bounded.
 *
 * Who may touch the caller's subprocess_info: its waiter, and in ATTACHING,
 * which is never left early, the process that runs init(). The waiter does not
 * return while that goes on, because the data may live on its stack.
 *
 * Every state but the endings has a deadline here, so that no death and no
 * stall in user space keeps a requester.
 */
#include <keys/user-type.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/freezer.h>
#include <linux/key.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/umh.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>

#include "compat.h"
#include "counters.h"
#include "event.h"
#include "match.h"
#include "monitor.h"
#include "queue.h"
#include "result.h"
#include "subject.h"
#include "suspend.h"
#include "table.h"
#include "tags.h"
#include "trace.h"
#include "upcall_object.h"

#define DEPTH_MAX    4
#define REQUEUES_MAX 3
#define WAIT_SLICE   (30 * HZ) /* sleep no longer in one go: see wait_slice() */

static unsigned int claim_ms = 30000;
module_param(claim_ms, uint, 0644);
MODULE_PARM_DESC(claim_ms, "time for the broker to claim an upcall (default: 30000)");
static unsigned int module_claim_ms = 1000;
module_param(module_claim_ms, uint, 0644);
MODULE_PARM_DESC(module_claim_ms, "the same for module requests (default: 1000)");
static unsigned int attach_ms = 25000;
module_param(attach_ms, uint, 0644);
MODULE_PARM_DESC(attach_ms, "time from claim to attach (default: 25000)");
/* An hour, which is the broker's bound, and some for it to end its handlers itself. */
static unsigned int run_ms = 3610000;
module_param(run_ms, uint, 0644);
MODULE_PARM_DESC(run_ms, "time for a handler to run, at most (default: 3610000)");
static unsigned int core_run_ms = 3610000;
module_param(core_run_ms, uint, 0644);
MODULE_PARM_DESC(core_run_ms, "the same for a core dump's handler (default: 3610000)");

static struct workqueue_struct *upcall_workqueue;

static const u16 transitions[UPCALL_STATE_COUNT] = {
	[UPCALL_STATE_NEW] = BIT(UPCALL_STATE_OFFERED),
	[UPCALL_STATE_OFFERED] = BIT(UPCALL_STATE_CLAIMED) | BIT(UPCALL_STATE_DONE) |
				 BIT(UPCALL_STATE_NATIVE) | BIT(UPCALL_STATE_DEAD),
	[UPCALL_STATE_CLAIMED] = BIT(UPCALL_STATE_OFFERED) | BIT(UPCALL_STATE_ATTACHING) |
				 BIT(UPCALL_STATE_DONE) | BIT(UPCALL_STATE_DEAD),
	[UPCALL_STATE_ATTACHING] = BIT(UPCALL_STATE_RUNNING) | BIT(UPCALL_STATE_DONE),
	[UPCALL_STATE_RUNNING] = BIT(UPCALL_STATE_DONE) | BIT(UPCALL_STATE_DEAD),
};

bool upcall_state_is_final(enum upcall_state state)
{
	return !transitions[state];
}

/* -------------------------------------------------------------- reference */

static void upcall_free(struct kref *refs)
{
	struct upcall *upcall = container_of(refs, struct upcall, refs);

	kfree_skb(upcall->tags);
	put_pid(upcall->handler);
	put_user_ns(upcall->user_ns);
	table_entry_put(upcall->entry);
	kfree(upcall);
	/*
	 * Whoever gets here runs in a work, which unloading waits for, or holds the
	 * module by another reference.
	 */
	module_put(THIS_MODULE);
}

void upcall_get(struct upcall *upcall)
{
	kref_get(&upcall->refs);
}

void upcall_put(struct upcall *upcall)
{
	kref_put(&upcall->refs, upcall_free);
}

/* ------------------------------------------------------------ transitions */

static bool upcall_move(struct upcall *upcall, enum upcall_state to)
{
	enum upcall_state from = upcall->state;

	lockdep_assert_held(&upcall->lock);
	if (WARN_ON_ONCE(!(transitions[from] & BIT(to))))
		return false;
	queue_set_state(upcall, to);
	trace_upcall_state(upcall, from, to);
	return true;
}

/* The one place that lets the waiter go. */
static void upcall_answer(struct upcall *upcall, int error, int status)
{
	lockdep_assert_held(&upcall->lock);
	if (upcall->answered)
		return;
	WRITE_ONCE(upcall->answered, true);
	upcall->error = error;
	upcall->status = status;
	trace_upcall_answered(upcall);
	wake_up(&upcall->done);
}

static void deadline_set(struct upcall *upcall, unsigned int ms)
{
	unsigned long delay = msecs_to_jiffies(ms);

	lockdep_assert_held(&upcall->lock);
	WRITE_ONCE(upcall->deadline, jiffies + delay);
	upcall_get(upcall);
	/* it was pending already, with a reference of its own: never the last */
	if (mod_delayed_work(upcall_workqueue, &upcall->deadline_work, delay))
		upcall_put(upcall);
}

static void deadline_clear(struct upcall *upcall)
{
	lockdep_assert_held(&upcall->lock);
	/* never the last: whoever ends an upcall holds a reference */
	if (cancel_delayed_work(&upcall->deadline_work))
		upcall_put(upcall);
}

static enum upcall_count ending_of(const struct upcall *upcall, int error)
{
	if (upcall->state == UPCALL_STATE_NATIVE)
		return UPCALL_COUNT_GIVEN_BACK;
	if (upcall->state == UPCALL_STATE_DEAD)
		return UPCALL_COUNT_KILLED;
	if (upcall->overdue)
		return UPCALL_COUNT_OVERDUE;
	return error ? UPCALL_COUNT_FAILED : UPCALL_COUNT_DONE;
}

/* The one place that ends an upcall. Pollers are woken by the caller, unlocked. */
static void upcall_end(struct upcall *upcall, enum upcall_state state, int error, int status)
{
	lockdep_assert_held(&upcall->lock);
	if (!upcall_move(upcall, state))
		return;
	counters_add(upcall->class, ending_of(upcall, error));
	deadline_clear(upcall);
	upcall_answer(upcall, error, status);
}

static void upcall_wake_pollers(struct upcall *upcall)
{
	wake_up_interruptible_poll(&upcall->poll, EPOLLHUP);
}

static unsigned int claim_time(const struct upcall *upcall)
{
	if (upcall->class == UPCALL_CLASS_MODULE)
		return READ_ONCE(module_claim_ms);
	return READ_ONCE(claim_ms);
}

/* What its claim says, within what the machine allows. */
static unsigned int run_time(const struct upcall *upcall)
{
	unsigned int most = upcall->class == UPCALL_CLASS_CORE ? READ_ONCE(core_run_ms) :
								 READ_ONCE(run_ms);

	return upcall->run_ms ? min(upcall->run_ms, most) : most;
}

/* Under the lock: into the queue, for the first time or again. */
static void upcall_enter_offered(struct upcall *upcall)
{
	if (!upcall_move(upcall, UPCALL_STATE_OFFERED))
		return;
	deadline_set(upcall, claim_time(upcall));
}

/* Unlocked: tell the broker. The device's readiness is what cannot get lost. */
static void upcall_announce(struct upcall *upcall)
{
	if (queue_is_draining()) {
		upcall_refuse(upcall, READ_ONCE(upcall->generation), EIO);
		return;
	}
	queue_wake();
	event_offered(upcall);
}

/*
 * However often it is claimed and given up: a second turn begins only within the
 * time that one turn may take. A module request, which holds one of the
 * kernel's slots, has one.
 */
static bool upcall_has_time(const struct upcall *upcall)
{
	unsigned long turn =
		msecs_to_jiffies(READ_ONCE(claim_ms)) + msecs_to_jiffies(READ_ONCE(attach_ms));

	return upcall->class != UPCALL_CLASS_MODULE && time_before(jiffies, upcall->begun + turn);
}

/* Take a claim back. True: it is queued again and must be announced. */
static bool upcall_revoke(struct upcall *upcall, int error)
{
	lockdep_assert_held(&upcall->lock);
	upcall->generation++;
	/* in place: its attribute comes first */
	*(u32 *)nla_data((struct nlattr *)upcall->tags->data) = upcall->generation;
	if (upcall->requeues++ >= REQUEUES_MAX || !upcall_has_time(upcall)) {
		upcall->overdue = error == ETIMEDOUT;
		upcall_end(upcall, UPCALL_STATE_DONE, error, 0);
		return false;
	}
	counters_add(upcall->class, UPCALL_COUNT_REQUEUED);
	upcall_enter_offered(upcall);
	return true;
}

int upcall_claim(struct upcall *upcall, u32 generation, u32 claimed_ms)
{
	int ret = -ESTALE;

	spin_lock_irq(&upcall->lock);
	if (upcall->state == UPCALL_STATE_OFFERED && upcall->generation == generation) {
		upcall_move(upcall, UPCALL_STATE_CLAIMED);
		upcall->run_ms = claimed_ms;
		deadline_set(upcall, READ_ONCE(attach_ms));
		ret = 0;
	}
	spin_unlock_irq(&upcall->lock);
	return ret;
}

void upcall_unclaim(struct upcall *upcall, u32 generation)
{
	bool again = false;

	spin_lock_irq(&upcall->lock);
	if (upcall->state == UPCALL_STATE_CLAIMED && upcall->generation == generation)
		again = upcall_revoke(upcall, EIO);
	spin_unlock_irq(&upcall->lock);
	if (again)
		upcall_announce(upcall);
	upcall_wake_pollers(upcall);
}

static int upcall_end_if(struct upcall *upcall, enum upcall_state from, u32 generation,
			 enum upcall_state to, u32 error)
{
	int ret = -ESTALE;

	/* EINTR is what we say of a killed requester, who this one is not */
	if (error > MAX_ERRNO || error == EINTR)
		return -EINVAL;
	spin_lock_irq(&upcall->lock);
	if (upcall->state == from && upcall->generation == generation) {
		upcall_end(upcall, to, error, 0);
		ret = 0;
	}
	spin_unlock_irq(&upcall->lock);
	if (!ret)
		upcall_wake_pollers(upcall);
	return ret;
}

int upcall_give_back(struct upcall *upcall, u32 generation)
{
	return upcall_end_if(upcall, UPCALL_STATE_OFFERED, generation, UPCALL_STATE_NATIVE, 0);
}

int upcall_refuse(struct upcall *upcall, u32 generation, u32 error)
{
	return upcall_end_if(upcall, UPCALL_STATE_OFFERED, generation, UPCALL_STATE_DONE,
			     error ?: EKEYREJECTED);
}

int upcall_complete(struct upcall *upcall, u32 generation, u32 error)
{
	return upcall_end_if(upcall, UPCALL_STATE_CLAIMED, generation, UPCALL_STATE_DONE, error);
}

bool upcall_claim_stands(struct upcall *upcall, u32 generation)
{
	return READ_ONCE(upcall->generation) == generation &&
	       !upcall_state_is_final(READ_ONCE(upcall->state));
}

/* ------------------------------------------------------ the attached helper */

/*
 * Called when the helper's thread group has ended, under tasklist_lock and the
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
		/* a tracer is told of each thread's end: not the group's */
		alive = !(leader->exit_state && thread_group_empty(leader));
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
	/* ORDER: unlocked, because the watch's reference, maybe the last, goes with the work */
	if (mine)
		queue_work(upcall_workqueue, &upcall->exit_work);
	return 0;
}

static void handler_exit_work(struct work_struct *work)
{
	struct upcall *upcall = container_of(work, struct upcall, exit_work);

	upcall_wake_pollers(upcall);
	upcall_put(upcall);
}

/*
 * We no longer want to know of its end: it was too late, or the requester has
 * gone. Called once at most: by whoever has ended a RUNNING one before its death.
 */
static void handler_unwatch(struct upcall *upcall)
{
	bool mine;

	/* ORDER: wait_pidfd.lock comes before ours, so: off the queue first */
	if (!upcall->handler)
		return;
	remove_wait_queue(&upcall->handler->wait_pidfd, &upcall->watch);
	spin_lock_irq(&upcall->lock);
	mine = upcall->watched;
	upcall->watched = false;
	spin_unlock_irq(&upcall->lock);
	if (mine)
		upcall_put(upcall);
}

int upcall_attach_begin(struct upcall *upcall, u32 generation)
{
	int ret = 0;

	spin_lock_irq(&upcall->lock);
	if (upcall->generation != generation || upcall_state_is_final(upcall->state))
		ret = -ESTALE;
	else if (upcall->state != UPCALL_STATE_CLAIMED)
		ret = -EBUSY;
	else
		upcall_move(upcall, UPCALL_STATE_ATTACHING);
	spin_unlock_irq(&upcall->lock);
	return ret;
}

/* Under RCU. 0 for the root, which is no leaf and would be everybody's. */
static u64 leaf_cgroup_id(void)
{
	struct cgroup *cgroup = task_dfl_cgroup(current);

	return cgroup_parent(cgroup) ? cgroup_id(cgroup) : 0;
}

/*
 * Called by the process that has attached; it is alive, so its end cannot be
 * missed. With @error, nothing runs and the upcall has failed.
 */
void upcall_attach_end(struct upcall *upcall, int error)
{
	if (!error) {
		upcall->handler = get_pid(task_tgid(current));
		rcu_read_lock();
		upcall->handler_cgroup = leaf_cgroup_id();
		rcu_read_unlock();
		upcall_get(upcall);
		upcall->watched = true;
		add_wait_queue(&upcall->handler->wait_pidfd, &upcall->watch);
	}
	spin_lock_irq(&upcall->lock);
	if (error) {
		upcall_end(upcall, UPCALL_STATE_DONE, error, 0);
	} else {
		upcall_move(upcall, UPCALL_STATE_RUNNING);
		deadline_set(upcall, run_time(upcall));
		if (!(upcall->wait & UMH_WAIT_PROC))
			upcall_answer(upcall, 0, 0);
	}
	spin_unlock_irq(&upcall->lock);
	/* who polls is told of an end, and of nothing that is none */
	if (error)
		upcall_wake_pollers(upcall);
	/* a waiter that was killed meanwhile stands here */
	wake_up_all(&upcall->attached);
}

static void handler_kill(struct upcall *upcall)
{
	if (upcall->handler)
		kill_pid(upcall->handler, SIGKILL, 1);
}

int upcall_cancel(struct upcall *upcall, u32 generation, u32 error)
{
	bool kill = false;
	int ret = -ESTALE;

	if (error > MAX_ERRNO || error == EINTR)
		return -EINVAL;
	spin_lock_irq(&upcall->lock);
	if (upcall->state == UPCALL_STATE_ATTACHING) {
		ret = -EBUSY;
	} else if (upcall->generation == generation && !upcall_state_is_final(upcall->state)) {
		kill = upcall->state == UPCALL_STATE_RUNNING;
		upcall_end(upcall, UPCALL_STATE_DONE, error ?: EKEYREJECTED, 0);
		ret = 0;
	}
	spin_unlock_irq(&upcall->lock);
	if (kill) {
		handler_kill(upcall);
		handler_unwatch(upcall);
	}
	if (!ret)
		upcall_wake_pollers(upcall);
	return ret;
}

/* -------------------------------------------------------------- deadlines */

static void deadline_work(struct work_struct *work)
{
	struct upcall *upcall = container_of(to_delayed_work(work), struct upcall, deadline_work);
	bool announce = false;
	bool kill = false;

	spin_lock_irq(&upcall->lock);
	/* set anew since this work became due */
	if (time_before(jiffies, upcall->deadline))
		goto unlock;
	switch (upcall->state) {
	case UPCALL_STATE_OFFERED:
		upcall->overdue = true;
		upcall_end(upcall, UPCALL_STATE_DONE, ETIMEDOUT, 0);
		break;
	case UPCALL_STATE_CLAIMED:
		announce = upcall_revoke(upcall, ETIMEDOUT);
		break;
	case UPCALL_STATE_RUNNING:
		upcall->overdue = true;
		/* answered without waiting for the death: the handler may be frozen */
		upcall_end(upcall, UPCALL_STATE_DONE, 0, SIGKILL);
		kill = true;
		break;
	case UPCALL_STATE_NEW:
	case UPCALL_STATE_ATTACHING:
	case UPCALL_STATE_DONE:
	case UPCALL_STATE_NATIVE:
	case UPCALL_STATE_DEAD:
	case __UPCALL_STATE_COUNT:
		break;
	}
unlock:
	spin_unlock_irq(&upcall->lock);
	if (kill) {
		handler_kill(upcall);
		handler_unwatch(upcall);
	}
	if (announce)
		upcall_announce(upcall);
	upcall_wake_pollers(upcall);
	upcall_put(upcall);
}

/* ---------------------------------------------------------- the requester */

/* Raised for nobody but the task itself, as far as its credentials tell: is_freezable(). */
static bool is_own(enum upcall_class class, enum upcall_origin origin)
{
	return class == UPCALL_CLASS_CORE ||
	       (class == UPCALL_CLASS_KEY && origin == UPCALL_ORIGIN_SYSCALL);
}

/*
 * What may hold a lock does not freeze with it: suspend.c. A core dump holds
 * none, nor does request_key(2). The kernel asks under a task's own credentials,
 * too, and with locks (cifs, nvdimm), but never for a "user" key.
 */
static bool is_freezable(const struct subject *subject)
{
	if (subject->class == UPCALL_CLASS_CORE)
		return true;
	return is_own(subject->class, subject->origin) && subject->key &&
	       subject->key->type == &key_type_user;
}

static struct upcall *upcall_alloc(struct subprocess_info *info, int wait,
				   const struct subject *subject)
{
	struct upcall *upcall = kzalloc(sizeof(*upcall), GFP_KERNEL);

	if (!upcall)
		return NULL;
	kref_init(&upcall->refs);
	spin_lock_init(&upcall->lock);
	init_waitqueue_head(&upcall->done);
	init_waitqueue_head(&upcall->poll);
	init_waitqueue_head(&upcall->attached);
	init_waitqueue_func_entry(&upcall->watch, handler_wake);
	INIT_LIST_HEAD(&upcall->watch.entry);
	INIT_LIST_HEAD(&upcall->link);
	INIT_WORK(&upcall->exit_work, handler_exit_work);
	INIT_DELAYED_WORK(&upcall->deadline_work, deadline_work);
	upcall->created = ktime_get_boottime_ns();
	upcall->begun = jiffies;
	upcall->class = subject->class;
	upcall->origin = subject->origin;
	upcall->strong = subject->strong;
	upcall->freezable = is_freezable(subject);
	upcall->wait = wait;
	upcall->info = info;
	upcall->entry = table_entry_get(subject->entry);
	upcall->user_ns = get_user_ns(current_real_cred()->user_ns);
	/* the hook holds it now; helpers outlive requesters that wait for the exec only */
	__module_get(THIS_MODULE);
	return upcall;
}

static int upcall_encode(struct upcall *upcall, const struct subject *subject,
			 const struct tags_upcall *nested)
{
	struct tags_upcall tags = *nested;

	tags.id = upcall->id;
	tags.wait = upcall->wait;
	upcall->tags = alloc_skb(tags_size(upcall->info, subject), GFP_KERNEL);
	if (!upcall->tags)
		return -ENOMEM;
	return tags_put_generation(upcall->tags, 0) ?:
		       tags_put_upcall(upcall->tags, &tags, subject, upcall->info);
}

/* A new upcall, in the queue but not yet offered. */
static struct upcall *upcall_new(struct subprocess_info *info, int wait,
				 const struct subject *subject)
{
	struct tags_upcall nested;
	struct upcall *upcall;
	int ret;

	queue_depth(subject, &nested);
	if (nested.depth > DEPTH_MAX)
		return ERR_PTR(-ELOOP);
	upcall = upcall_alloc(info, wait, subject);
	if (!upcall)
		return ERR_PTR(-ENOMEM);
	upcall->depth = nested.depth;
	ret = queue_add(upcall);
	if (ret)
		goto err_put;
	ret = upcall_encode(upcall, subject, &nested);
	if (ret)
		goto err_forget;
	return upcall;

err_forget:
	queue_forget(upcall);
err_put:
	upcall_put(upcall);
	return ERR_PTR(ret);
}

/*
 * May SIGKILL end the wait? What is killable natively stays so. Core dumps and a
 * task's own key requests are made so, because a container's init that is
 * killed waits for them. A request that fills the kernel's own caches is not:
 * a killed one would leave a negative entry that everybody sees.
 */
static bool upcall_killable(const struct upcall *upcall)
{
	return upcall->wait & UMH_KILLABLE || is_own(upcall->class, upcall->origin);
}

static unsigned int wait_state(const struct upcall *upcall)
{
	unsigned int state = upcall_killable(upcall) ? TASK_KILLABLE : TASK_UNINTERRUPTIBLE;

	return upcall->freezable ? state | TASK_FREEZABLE : state;
}

/* The requester is killed. True: it may go; false: its answer is there or imminent. */
static bool upcall_abandon(struct upcall *upcall)
{
	bool kill = false;
	bool gone = false;

	/* init() may be at work on our stack; it only allocates and installs */
	wait_event(upcall->attached, READ_ONCE(upcall->state) != UPCALL_STATE_ATTACHING);
	spin_lock_irq(&upcall->lock);
	if (upcall->state == UPCALL_STATE_ATTACHING) {
		/* it was claimed and attached since: another turn */
	} else if (!upcall->answered) {
		kill = upcall->state == UPCALL_STATE_RUNNING;
		upcall_end(upcall, UPCALL_STATE_DEAD, EINTR, 0);
		gone = true;
	} else {
		gone = true;
	}
	spin_unlock_irq(&upcall->lock);
	if (kill) {
		handler_kill(upcall);
		handler_unwatch(upcall);
	}
	if (gone)
		upcall_wake_pollers(upcall);
	return gone;
}

/*
 * Deadlines bound the wait, so a task that sleeps here is not hung: sleeping in
 * slices keeps the hung-task detector, which counts one uninterrupted sleep,
 * from saying so. As wait_event_timeout(), which has no such state.
 */
static long wait_slice(struct upcall *upcall, unsigned int state)
{
	return ___wait_event(upcall->done, ___wait_cond_timeout(READ_ONCE(upcall->answered)), state,
			     0, WAIT_SLICE, __ret = schedule_timeout(__ret));
}

static void upcall_wait(struct upcall *upcall)
{
	unsigned int state = wait_state(upcall);
	long ret;

	do {
		ret = wait_slice(upcall, state);
		if (ret < 0 && upcall_abandon(upcall))
			return;
	} while (ret <= 0);
}

/*
 * The freezer stops a task by a signal that is none. Who returns to user space
 * forgets it there, but a core dump would end of it: as zap_threads() does, all
 * are forgotten but the one that kills, and a stop of its cgroup.
 */
static void forget_freezing(enum upcall_class class)
{
	/* our own, which stays while we live */
	struct sighand_struct *sighand = rcu_dereference_protected(current->sighand, true);

	try_to_freeze();
	if (!signal_pending(current))
		return;
	spin_lock_irq(&sighand->siglock);
	if (class == UPCALL_CLASS_CORE && !__fatal_signal_pending(current) &&
	    !(current->jobctl & JOBCTL_TRAP_FREEZE))
		clear_thread_flag(TIF_SIGPENDING);
	else
		recalc_sigpending();
	spin_unlock_irq(&sighand->siglock);
}

static bool offer_refused(struct subprocess_info *info, int wait, const struct subject *subject,
			  int error, int *ret)
{
	counters_add(subject->class, UPCALL_COUNT_REFUSED);
	monitor_decided(info, wait, subject, UPCALL_VERDICT_DENY);
	*ret = result_refused(info, wait, subject->class, error);
	return true;
}

static bool upcall_serve(struct subprocess_info *info, int wait, const struct subject *subject,
			 int *ret)
{
	struct upcall *upcall = upcall_new(info, wait, subject);
	bool native;

	if (IS_ERR(upcall))
		return offer_refused(info, wait, subject, -PTR_ERR(upcall), ret);
	counters_add(upcall->class, UPCALL_COUNT_OFFERED);
	spin_lock_irq(&upcall->lock);
	upcall_enter_offered(upcall);
	spin_unlock_irq(&upcall->lock);
	upcall_announce(upcall);
	upcall_wait(upcall);

	/* answered: nobody else touches info, or what it was answered with */
	spin_lock_irq(&upcall->lock);
	upcall->info = NULL;
	native = upcall->state == UPCALL_STATE_NATIVE;
	spin_unlock_irq(&upcall->lock);
	if (native)
		*ret = 0;
	else if (upcall->error)
		*ret = result_refused(info, wait, upcall->class, upcall->error);
	else
		*ret = upcall->status;
	upcall_put(upcall);
	return !native;
}

bool upcall_offer(struct subprocess_info *info, int wait, const struct subject *subject, int *ret)
{
	bool served;

	if (is_freezable(subject)) {
		served = upcall_serve(info, wait, subject, ret);
		forget_freezing(subject->class);
		return served;
	}
	if (!suspend_hold())
		return offer_refused(info, wait, subject, EBUSY, ret);
	served = upcall_serve(info, wait, subject, ret);
	suspend_release();
	return served;
}

int upcall_init(void)
{
	/* RECLAIM: deadlines must fire when memory is short */
	upcall_workqueue = alloc_workqueue("upcall", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return upcall_workqueue ? 0 : -ENOMEM;
}

/*
 * No upcall is left, because each holds the module. What may still run is the
 * end of the work that has given the last one back.
 */
void upcall_exit(void)
{
	WARN_ON(!queue_is_empty());
	destroy_workqueue(upcall_workqueue);
}
