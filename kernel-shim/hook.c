// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hook
 *
 * ftrace sends calls of call_usermodehelper_exec() to hooked_exec(). A call
 * that comes from this module is the way to the original and goes through;
 * therefore it must be a real call: with a tail call it would seem to come from
 * outside and be hooked for ever (see Kbuild).
 *
 * A task that sleeps in here pins the module: the reference is taken where
 * ftrace still guarantees that the module stays, before the instruction pointer
 * moves, and given back as the last thing. While nobody is registered, nobody is
 * sent here, unless a monitor looks, the parameter strict is set or there are rules
 * for whom nobody registers: a machine whose own helpers never pause could not
 * unload us.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/umh.h>

#include "compat.h"
#include "counters.h"
#include "event.h"
#include "hook.h"
#include "subject.h"
#include "table.h"
#include "trace.h"
#include "upcall_object.h"

/* What the original does when it is done with it. */
static int info_finish(struct subprocess_info *info, int ret)
{
	/* some cleanup functions read it */
	info->retval = ret;
	if (info->cleanup)
		info->cleanup(info);
	kfree(info);
	return ret;
}

/* Nobody's, and calls without a path, which the original knows to refuse. */
static bool hook_is_blind(const struct subprocess_info *info)
{
	return !in_task() || !info->path || !info->path[0];
}

/*
 * Whom we must not delay or judge: PID 1, which has to start the broker, and the
 * broker itself. Anybody, where nobody registered.
 */
static bool hook_passes(void)
{
	return is_global_init(current) || event_from_broker() ||
	       (table_is_empty() && !subject_judges_unregistered());
}

/* Nobody can wait here, or the machine is about to stop waiting for anybody. */
static bool can_wait(int wait)
{
	if (wait == UMH_NO_WAIT || !preemptible() || (current->flags & PF_EXITING))
		return false;
	/* not trylock: that one sleeps interruptibly while freezing */
	if (usermodehelper_read_lock_wait(1) <= 0)
		return false;
	usermodehelper_read_unlock();
	return true;
}

static int exec_refused(struct subprocess_info *info, int wait, const struct subject *subject,
			enum upcall_count count, int error)
{
	int ret;

	counters_add(subject->class, count);
	event_decided(info, wait, subject, UPCALL_VERDICT_DENY);
	/* rejecting a key would sleep */
	ret = preemptible() ? result_refused(subject, wait, error) : -EPERM;
	return info_finish(info, ret);
}

static int exec_native(struct subprocess_info *info, int wait, const struct subject *subject)
{
	event_decided(info, wait, subject, UPCALL_VERDICT_NATIVE);
	return call_usermodehelper_exec(info, wait);
}

/* True: *@ret is what the call returns. False: it is to be decided again. */
static bool exec_offered(struct subprocess_info *info, int wait, struct subject *subject, int *ret)
{
	if (!can_wait(wait)) {
		*ret = exec_refused(info, wait, subject, UPCALL_COUNT_REFUSED, EKEYREJECTED);
		return true;
	}
	switch (upcall_offer(info, wait, subject, ret)) {
	case OFFER_NATIVE:
		*ret = exec_native(info, wait, subject);
		break;
	case OFFER_REFUSED:
		*ret = exec_refused(info, wait, subject, UPCALL_COUNT_REFUSED, *ret);
		break;
	case OFFER_AGAIN:
		return false;
	case OFFER_ANSWERED:
		*ret = info_finish(info, *ret);
		break;
	}
	return true;
}

static bool exec_decided(struct subprocess_info *info, int wait, struct subject *subject, int *ret)
{
	/* ORDER: before anybody else is asked, or answers */
	if (subject->verdict != UPCALL_VERDICT_NATIVE && preemptible())
		result_keep_private(subject);
	switch (subject->verdict) {
	case UPCALL_VERDICT_DENY:
		*ret = exec_refused(info, wait, subject, UPCALL_COUNT_DENIED, EKEYREJECTED);
		return true;
	case UPCALL_VERDICT_OFFER:
		return exec_offered(info, wait, subject, ret);
	case UPCALL_VERDICT_NATIVE:
	case __UPCALL_VERDICT_COUNT:
		break;
	}
	counters_add(subject->class, UPCALL_COUNT_NATIVE);
	*ret = exec_native(info, wait, subject);
	return true;
}

/*
 * Twice at most: the first time its container may have been nobody's. The broker says
 * that it is registered by now; if the table still does not know it, it is refused.
 */
static int exec_judged(struct subprocess_info *info, int wait, unsigned long caller, bool passes)
{
	struct subject subject;
	bool decided;
	int ret;

	subject_init(&subject, info, caller);
	for (;;) {
		if (passes) /* we are here for the monitors only */
			subject.verdict = UPCALL_VERDICT_NATIVE;
		else if (subject.again && subject_is_adoptable(&subject))
			subject.verdict = UPCALL_VERDICT_DENY;
		trace_upcall_decided(&subject, wait);
		decided = exec_decided(info, wait, &subject, &ret);
		subject_release(&subject);
		if (decided)
			return ret;
		subject_init_again(&subject, info, caller);
	}
}

static noinline notrace int hooked_exec(struct subprocess_info *info, int wait)
{
	int ret;

	if (hook_is_blind(info))
		ret = call_usermodehelper_exec(info, wait);
	else
		ret = exec_judged(info, wait, _RET_IP_, hook_passes());
	module_put(THIS_MODULE);
	return ret;
}

/* A module whose loading fails after all is freed without a look at who is in it. */
static bool hook_live;

static void notrace hook_callback(unsigned long ip, unsigned long parent_ip,
				  struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if (!READ_ONCE(hook_live) || within_module(parent_ip, THIS_MODULE))
		return;
	/* Who registers or begins to look meanwhile sees the next one. */
	if (!event_is_monitored() && hook_passes())
		return;
	if (!try_module_get(THIS_MODULE))
		return;
	compat_ftrace_set_ip(fregs, (unsigned long)hooked_exec);
}

/*
 * PERMANENT: without it, writing 0 to kernel.ftrace_enabled would take the
 * hook away silently.
 */
static struct ftrace_ops hook_ops = {
	.func = hook_callback,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_RECURSION |
		 COMPAT_FTRACE_REGS,
};

int hook_init(void)
{
	int ret;

	ret = ftrace_set_filter_ip(&hook_ops, (unsigned long)call_usermodehelper_exec, 0, 0);
	if (ret) {
		pr_err("call_usermodehelper_exec() cannot be traced: %d\n", ret);
		return ret;
	}
	ret = register_ftrace_function(&hook_ops);
	if (ret) {
		pr_err("cannot hook call_usermodehelper_exec(): %d\n", ret);
		if (ret == -EBUSY)
			pr_err("it is another's (tracefs: enabled_functions), or ftrace is off\n");
		ftrace_free_filter(&hook_ops);
	}
	return ret;
}

void hook_start(void)
{
	WRITE_ONCE(hook_live, true);
}

/*
 * ftrace has found itself broken: it does no more, but those that it has sent here it still
 * sends. What they are sent to must not be freed, so whoever unloads us stays.
 */
static void __noreturn hook_stay(void)
{
	WRITE_ONCE(hook_live, false);
	pr_emerg("ftrace is broken: this module stays until the next boot, and so does who unloads it\n");
	for (;;)
		schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
}

void hook_exit(void)
{
	if (unregister_ftrace_function(&hook_ops))
		hook_stay();
	ftrace_free_filter(&hook_ops);
	/* those that have given back the module but have not yet returned from here */
	synchronize_rcu_tasks();
}
