// SPDX-License-Identifier: GPL-2.0-only
/* Where upcalls are raised: by the writer itself, or for it while it waits. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "context.h"
#include "record.h"

/* Long enough for the machine to begin to suspend meanwhile. */
static unsigned int delay_ms;
module_param(delay_ms, uint, 0644);
MODULE_PARM_DESC(delay_ms, "time from a write to the first upcall (default: 0)");

struct job {
	struct command *command;
	struct completion done;
	struct work_struct work;
	struct timer_list timer;
	int ret;
};

static struct workqueue_struct *raiser_workqueue;

static int raise_all(struct command *command, gfp_t gfp)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < command->count && !ret; i++) {
		/* of a killed one, no more than the one that it was killed in */
		if (gfp == GFP_KERNEL && fatal_signal_pending(current))
			return -EINTR;
		ret = record_raise(command, gfp);
	}
	return ret;
}

static int raise_all_later(struct command *command)
{
	unsigned int ms = READ_ONCE(delay_ms);

	if (ms)
		msleep(ms);
	return raise_all(command, GFP_KERNEL);
}

static int run_atomic(struct command *command)
{
	int ret;

	msleep(READ_ONCE(delay_ms));
	preempt_disable();
	ret = raise_all(command, GFP_ATOMIC);
	preempt_enable();
	return ret;
}

static DEFINE_SPINLOCK(irqs_lock);

static void take_in_interrupt(struct irq_work *work)
{
	spin_lock(&irqs_lock);
	spin_unlock(&irqs_lock);
}

static struct irq_work interrupt = IRQ_WORK_INIT_HARD(take_in_interrupt);

/* Below it, a lock that is not safe from interrupts can deadlock: lockdep says so. */
static int run_irqs_off(struct command *command)
{
	unsigned long flags;
	int ret;

	irq_work_queue(&interrupt);
	irq_work_sync(&interrupt);
	spin_lock_irqsave(&irqs_lock, flags);
	ret = raise_all(command, GFP_ATOMIC);
	spin_unlock_irqrestore(&irqs_lock, flags);
	return ret;
}

static DEFINE_SPINLOCK(bh_lock);

/* The same with a lock that softirqs take: once a job has been a timer's. */
static int run_bh_off(struct command *command)
{
	int ret;

	spin_lock_bh(&bh_lock);
	ret = raise_all(command, GFP_ATOMIC);
	spin_unlock_bh(&bh_lock);
	return ret;
}

static int job_thread(void *data)
{
	struct job *job = data;

	job->ret = raise_all_later(job->command);
	complete(&job->done);
	/* so that kthread_stop() returns when we have left this code */
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void job_work(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	job->ret = raise_all_later(job->command);
	complete(&job->done);
}

static void job_timer(struct timer_list *timer)
{
	struct job *job = container_of(timer, struct job, timer);

	spin_lock(&bh_lock);
	spin_unlock(&bh_lock);
	job->ret = raise_all(job->command, GFP_ATOMIC);
	complete(&job->done);
}

static int run_kthread(struct job *job)
{
	struct task_struct *task = kthread_run(job_thread, job, "upcall_raiser");

	if (IS_ERR(task))
		return PTR_ERR(task);
	wait_for_completion(&job->done);
	kthread_stop(task);
	return job->ret;
}

static int run_workqueue(struct job *job)
{
	INIT_WORK(&job->work, job_work);
	queue_work(raiser_workqueue, &job->work);
	flush_work(&job->work);
	return job->ret;
}

static int run_timer(struct job *job)
{
	timer_setup(&job->timer, job_timer, 0);
	mod_timer(&job->timer, jiffies + msecs_to_jiffies(READ_ONCE(delay_ms)));
	wait_for_completion(&job->done);
	/* its softirq has left the timer's function, and this module */
	synchronize_rcu();
	return job->ret;
}

static int run_elsewhere(struct command *command)
{
	struct job *job = kzalloc(sizeof(*job), GFP_KERNEL);
	int ret;

	if (!job)
		return -ENOMEM;
	job->command = command;
	init_completion(&job->done);
	if (command->context == RAISER_KTHREAD)
		ret = run_kthread(job);
	else if (command->context == RAISER_WORKQUEUE)
		ret = run_workqueue(job);
	else
		ret = run_timer(job);
	kfree(job);
	return ret;
}

int context_run(struct command *command)
{
	if (command->context == RAISER_PROCESS)
		return raise_all_later(command);
	if (command->context == RAISER_ATOMIC)
		return run_atomic(command);
	if (command->context == RAISER_IRQS_OFF)
		return run_irqs_off(command);
	if (command->context == RAISER_BH_OFF)
		return run_bh_off(command);
	return run_elsewhere(command);
}

int context_init(void)
{
	raiser_workqueue = alloc_workqueue("upcall_raiser", WQ_UNBOUND, 0);
	return raiser_workqueue ? 0 : -ENOMEM;
}

void context_exit(void)
{
	destroy_workqueue(raiser_workqueue);
}
