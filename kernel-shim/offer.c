// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requester's side of an upcall: it sleeps here until somebody has answered, or
 * goes on where nobody waits for the answer
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/umh.h>

#include "compat.h"
#include "subject.h"
#include "suspend.h"
#include "upcall_object.h"

/*
 * May SIGKILL end the wait? What is killable natively stays so. Core dumps and a
 * task's own key requests are made so, because a container's init that is
 * killed waits for them. A request that fills the kernel's own caches is not:
 * a killed one would leave a negative entry that everybody sees.
 */
static bool is_killable(const struct subject *subject, int wait)
{
	return wait & UMH_KILLABLE || subject->class == UPCALL_CLASS_CORE ||
	       (subject->class == UPCALL_CLASS_KEY && subject->origin == UPCALL_ORIGIN_SYSCALL);
}

/* Deadlines bound the wait, so the hung-task detector need not look: it skips both states. */
static unsigned int wait_state(const struct subject *subject, int wait)
{
	unsigned int state = is_killable(subject, wait) ? TASK_KILLABLE : TASK_IDLE;

	/* see suspend.c */
	return subject->class == UPCALL_CLASS_CORE ? state | TASK_FREEZABLE : state;
}

/* The requester is killed. True: it may go; false: its answer is there or imminent. */
static bool upcall_abandon(struct upcall *upcall)
{
	bool kill = false;
	bool gone;

	/* init() may be at work on our stack; it only allocates and installs */
	wait_event(upcall->attached, READ_ONCE(upcall->state) != UPCALL_STATE_ATTACHING);
	spin_lock_irq(&upcall->lock);
	/* if not, it was claimed since, and attaches: another turn */
	gone = upcall->state != UPCALL_STATE_ATTACHING;
	if (gone && !completion_done(&upcall->answered)) {
		kill = upcall->state == UPCALL_STATE_RUNNING;
		upcall_end(upcall, UPCALL_STATE_DEAD, EINTR, 0);
	}
	spin_unlock_irq(&upcall->lock);
	if (kill)
		handler_end(upcall);
	if (gone)
		upcall_wake_pollers(upcall);
	return gone;
}

static void upcall_wait(struct upcall *upcall, unsigned int state)
{
	while (wait_for_completion_state(&upcall->answered, state))
		if (upcall_abandon(upcall))
			break;
}

static enum offer_result upcall_serve(struct subprocess_info *info, int wait,
				      struct subject *subject, int *ret)
{
	struct upcall *upcall = upcall_new(info, wait, subject);
	enum upcall_state state;

	if (IS_ERR(upcall)) {
		*ret = -PTR_ERR(upcall);
		return OFFER_REFUSED;
	}
	upcall_begin(upcall);
	upcall_wait(upcall, wait_state(subject, wait));

	/* answered: nobody else touches info, or what it was answered with */
	spin_lock_irq(&upcall->lock);
	upcall->info = NULL;
	state = upcall->state;
	subject->begun = upcall->begun;
	subject->stood = upcall->stood;
	spin_unlock_irq(&upcall->lock);
	if (upcall->error)
		*ret = result_refused(subject, wait, upcall->error);
	else
		*ret = upcall->status;
	upcall_put(upcall);
	if (state == UPCALL_STATE_AGAIN)
		return OFFER_AGAIN;
	return state == UPCALL_STATE_NATIVE ? OFFER_NATIVE : OFFER_ANSWERED;
}

/* Nobody waits for it: see release.c. Nor does suspend: who handles it just freezes. */
static enum offer_result upcall_leave(struct subprocess_info *info, int wait,
				      const struct subject *subject, int *ret)
{
	struct upcall *upcall = upcall_new(info, wait, subject);

	if (IS_ERR(upcall)) {
		*ret = -PTR_ERR(upcall);
		return OFFER_REFUSED;
	}
	upcall_begin(upcall);
	upcall_put(upcall);
	*ret = 0;
	return OFFER_ANSWERED;
}

enum offer_result upcall_offer(struct subprocess_info *info, int wait, struct subject *subject,
			       int *ret)
{
	enum offer_result result;

	if (subject_is_detached(subject))
		return upcall_leave(info, wait, subject, ret);
	if (subject->class == UPCALL_CLASS_CORE) {
		result = upcall_serve(info, wait, subject, ret);
		suspend_forget();
		return result;
	}
	if (!suspend_hold()) {
		*ret = EBUSY;
		return OFFER_REFUSED;
	}
	result = upcall_serve(info, wait, subject, ret);
	suspend_release();
	return result;
}
