// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of an upcall
 *
 *   NEW -> OFFERED -> CLAIMED -> ATTACHING -> RUNNING -> DONE
 *             ^----------'                              NATIVE, DEAD, AGAIN
 *
 * The requester's task waits in offer.c, unless it is detached. Everything that
 * can end the wait goes through upcall_answer(), which acts once; everything that
 * ends the upcall goes through upcall_end(). They differ only for callers that wait
 * for the exec (UMH_WAIT_EXEC): they are answered by ATTACH, while the helper's run
 * is still watched and bounded (handler.c).
 *
 * Who may touch the caller's subprocess_info: its waiter, and in ATTACHING,
 * which is never left early, the process that runs init(). The waiter does not
 * return while that goes on, because the data may live on its stack.
 *
 * Every state in which user space has to do something has a deadline here (how
 * long: times.c), so that no death and no stall there keeps a requester.
 */
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>

#include "cores.h"
#include "counters.h"
#include "event.h"
#include "queue.h"
#include "subject.h"
#include "table.h"
#include "tags.h"
#include "trace.h"
#include "upcall_object.h"

#define DEPTH_MAX    4
#define REQUEUES_MAX 3

static struct workqueue_struct *upcall_workqueue;

static const u16 transitions[UPCALL_STATE_COUNT] = {
	[UPCALL_STATE_NEW] = BIT(UPCALL_STATE_OFFERED),
	[UPCALL_STATE_OFFERED] = BIT(UPCALL_STATE_CLAIMED) | BIT(UPCALL_STATE_DONE) |
				 BIT(UPCALL_STATE_NATIVE) | BIT(UPCALL_STATE_DEAD) |
				 BIT(UPCALL_STATE_AGAIN),
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
	if (completion_done(&upcall->answered))
		return;
	upcall->error = error;
	upcall->status = status;
	trace_upcall_answered(upcall);
	complete_all(&upcall->answered);
}

static void deadline_look(struct upcall *upcall)
{
	lockdep_assert_held(&upcall->lock);
	upcall_get(upcall);
	/* it was pending already, with a reference of its own: never the last */
	if (mod_delayed_work(upcall_workqueue, &upcall->deadline_work, times_next_look(upcall)))
		upcall_put(upcall);
}

static void deadline_set(struct upcall *upcall, unsigned int ms)
{
	lockdep_assert_held(&upcall->lock);
	WRITE_ONCE(upcall->deadline, jiffies + msecs_to_jiffies(ms));
	deadline_look(upcall);
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
	if (upcall->state == UPCALL_STATE_AGAIN)
		return UPCALL_COUNT_AGAIN;
	if (upcall->overdue)
		return UPCALL_COUNT_OVERDUE;
	return error ? UPCALL_COUNT_FAILED : UPCALL_COUNT_DONE;
}

void upcall_end(struct upcall *upcall, enum upcall_state state, int error, int status)
{
	lockdep_assert_held(&upcall->lock);
	if (!upcall_move(upcall, state))
		return;
	counters_add(upcall->class, ending_of(upcall, error));
	deadline_clear(upcall);
	upcall_answer(upcall, error, status);
}

void upcall_wake_pollers(struct upcall *upcall)
{
	wake_up_interruptible_poll(&upcall->poll, EPOLLHUP);
}

/* Under the lock: into the queue, for the first time or again. */
static void upcall_enter_offered(struct upcall *upcall)
{
	if (!upcall_move(upcall, UPCALL_STATE_OFFERED))
		return;
	deadline_set(upcall, times_claim(upcall));
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

/* Take a claim back. True: it is queued again and must be announced. */
static bool upcall_revoke(struct upcall *upcall, int error)
{
	lockdep_assert_held(&upcall->lock);
	/* queue_find() looks at it without our lock */
	WRITE_ONCE(upcall->generation, upcall->generation + 1);
	*(u32 *)nla_data((struct nlattr *)upcall->tags->data) = upcall->generation;
	times_stood(upcall);
	if (upcall->requeues++ >= REQUEUES_MAX || !times_again(upcall)) {
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
		times_stood(upcall);
		deadline_set(upcall, times_attach(upcall));
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

/* From one of the states @from, a mask. ATTACHING is never left early: -EBUSY. */
static int upcall_end_if(struct upcall *upcall, u32 generation, u32 from, enum upcall_state to,
			 u32 error)
{
	bool kill = false;
	int ret = -ESTALE;

	/* EINTR is what we say of a killed requester, who this one is not */
	if (error > MAX_ERRNO || error == EINTR)
		return -EINVAL;
	spin_lock_irq(&upcall->lock);
	if (upcall->generation == generation && (from & BIT(upcall->state)))
		ret = upcall->state == UPCALL_STATE_ATTACHING ? -EBUSY : 0;
	if (!ret) {
		kill = upcall->state == UPCALL_STATE_RUNNING;
		/* ORDER: AGAIN takes along what time it has had */
		times_stood(upcall);
		upcall_end(upcall, to, error, 0);
	}
	spin_unlock_irq(&upcall->lock);
	if (kill)
		handler_end(upcall);
	if (!ret)
		upcall_wake_pollers(upcall);
	return ret;
}

int upcall_give_back(struct upcall *upcall, u32 generation)
{
	if (upcall->detached)
		return -EINVAL;
	return upcall_end_if(upcall, generation, BIT(UPCALL_STATE_OFFERED), UPCALL_STATE_NATIVE, 0);
}

int upcall_again(struct upcall *upcall, u32 generation)
{
	if (!upcall->adopt_cgroup)
		return -EINVAL;
	return upcall_end_if(upcall, generation, BIT(UPCALL_STATE_OFFERED), UPCALL_STATE_AGAIN, 0);
}

int upcall_refuse(struct upcall *upcall, u32 generation, u32 error)
{
	return upcall_end_if(upcall, generation, BIT(UPCALL_STATE_OFFERED), UPCALL_STATE_DONE,
			     error ?: EKEYREJECTED);
}

int upcall_complete(struct upcall *upcall, u32 generation, u32 error)
{
	return upcall_end_if(upcall, generation, BIT(UPCALL_STATE_CLAIMED), UPCALL_STATE_DONE,
			     error);
}

int upcall_cancel(struct upcall *upcall, u32 generation, u32 error)
{
	return upcall_end_if(upcall, generation,
			     BIT(UPCALL_STATE_OFFERED) | BIT(UPCALL_STATE_CLAIMED) |
				     BIT(UPCALL_STATE_ATTACHING) | BIT(UPCALL_STATE_RUNNING),
			     UPCALL_STATE_DONE, error ?: EKEYREJECTED);
}

bool upcall_claim_stands(struct upcall *upcall, u32 generation)
{
	return READ_ONCE(upcall->generation) == generation &&
	       !upcall_state_is_final(READ_ONCE(upcall->state));
}

/* ------------------------------------------------------ the attached helper */

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

/*
 * Called by the process that has attached; it is alive, so its end cannot be
 * missed. With @error, nothing runs and the upcall has failed.
 */
void upcall_attach_end(struct upcall *upcall, int error)
{
	if (!error)
		handler_watch(upcall);
	spin_lock_irq(&upcall->lock);
	if (error) {
		upcall_end(upcall, UPCALL_STATE_DONE, error, 0);
	} else {
		upcall_move(upcall, UPCALL_STATE_RUNNING);
		deadline_set(upcall, times_run(upcall));
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

/* -------------------------------------------------------------- deadlines */

/* Not, if it was set anew since this work became due. */
static bool deadline_is_over(struct upcall *upcall)
{
	times_stood(upcall);
	if (times_over(upcall))
		return true;
	deadline_look(upcall);
	return false;
}

static void deadline_work(struct work_struct *work)
{
	struct upcall *upcall = container_of(to_delayed_work(work), struct upcall, deadline_work);
	bool announce = false;
	bool kill = false;

	spin_lock_irq(&upcall->lock);
	if (!upcall_state_is_final(upcall->state) && !deadline_is_over(upcall)) {
		spin_unlock_irq(&upcall->lock);
		upcall_put(upcall);
		return;
	}
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
	case UPCALL_STATE_AGAIN:
	case __UPCALL_STATE_COUNT:
		break;
	}
	spin_unlock_irq(&upcall->lock);
	if (kill)
		handler_end(upcall);
	if (announce)
		upcall_announce(upcall);
	upcall_wake_pollers(upcall);
	upcall_put(upcall);
}

/* --------------------------------------------------------------- creation */

static struct upcall *upcall_alloc(struct subprocess_info *info, int wait,
				   const struct subject *subject)
{
	/* ACCOUNT: of the requester, if any, because an fd of it keeps it after its end */
	struct upcall *upcall = kzalloc(sizeof(*upcall), GFP_KERNEL_ACCOUNT);

	if (!upcall)
		return NULL;
	kref_init(&upcall->refs);
	spin_lock_init(&upcall->lock);
	init_completion(&upcall->answered);
	init_waitqueue_head(&upcall->poll);
	init_waitqueue_head(&upcall->attached);
	INIT_LIST_HEAD(&upcall->link);
	INIT_DELAYED_WORK(&upcall->deadline_work, deadline_work);
	handler_init(upcall);
	upcall->created = ktime_get_boottime_ns();
	upcall->class = subject->class;
	times_begin(upcall, subject);
	upcall->origin = subject->origin;
	upcall->strong = subject->strong;
	if (subject_is_adoptable(subject))
		upcall->adopt_cgroup = subject->adoption.cgroup_id;
	upcall->wait = wait;
	upcall->detached = subject_is_detached(subject);
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
	upcall->tags = alloc_skb(tags_size(upcall->info, subject), GFP_KERNEL_ACCOUNT);
	if (!upcall->tags)
		return -ENOMEM;
	/* the generation comes first: upcall_revoke() renews it in place */
	return nla_put_u32(upcall->tags, UPCALL_A_GENERATION, 0) ?:
		       tags_put_upcall(upcall->tags, &tags, subject, upcall->info);
}

struct upcall *upcall_new(struct subprocess_info *info, int wait, const struct subject *subject)
{
	struct tags_upcall nested;
	struct upcall *upcall;
	int ret;

	queue_depth(subject, &nested);
	if (nested.depth > DEPTH_MAX)
		return ERR_PTR(-ELOOP);
	if (subject->class == UPCALL_CLASS_CORE) {
		ret = cores_enter(subject);
		if (ret)
			return ERR_PTR(ret);
	}
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
	/* ORDER: before anybody may attach: its caller goes on */
	if (upcall->detached)
		upcall->info = NULL;
	return upcall;

err_forget:
	queue_forget(upcall);
err_put:
	upcall_put(upcall);
	return ERR_PTR(ret);
}

void upcall_begin(struct upcall *upcall)
{
	counters_add(upcall->class, UPCALL_COUNT_OFFERED);
	spin_lock_irq(&upcall->lock);
	upcall_enter_offered(upcall);
	spin_unlock_irq(&upcall->lock);
	upcall_announce(upcall);
}

/* The work that looks at deadlines finds none, and does what is left to do. */
void upcall_ended(struct upcall *upcall)
{
	/* not pending: its ending has cancelled the deadline, and none is set any more */
	WARN_ON_ONCE(mod_delayed_work(upcall_workqueue, &upcall->deadline_work, 0));
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
