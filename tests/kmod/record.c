// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records
 *
 * Each upcall has one, in an array that is only ever emptied as a whole. So a
 * record can be taken in any context, and what the kernel does to an upcall too
 * often or too late meets a record that says so, not memory of somebody else's.
 *
 * The rules that are watched, for the kernel's own usermodehelper and for
 * upcall_shim alike: init() runs at most once and has ended before cleanup();
 * cleanup() runs once; where the caller waited and was not killed, cleanup() has
 * run when it goes on.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/umh.h>
#include <linux/vmalloc.h>

#include "record.h"

struct record {
	struct command *command; /* reference */
	pid_t raiser;
	int ret;
	int retval; /* what cleanup() saw */
	u64 ns;
	atomic_t returns;
	atomic_t inits;
	atomic_t cleanups;
	pid_t helper; /* who ran init() */
	bool helper_is_kernels;
};

static unsigned int records_max = 150000;
module_param(records_max, uint, 0444);
MODULE_PARM_DESC(records_max, "upcalls between two resets (default: 150000)");

/* A different time for each: what always takes the same meets always the same. */
static unsigned int init_ms;
module_param(init_ms, uint, 0644);
MODULE_PARM_DESC(init_ms, "init() takes up to so long (default: 0)");
static unsigned int init_fails;
module_param(init_fails, uint, 0644);
MODULE_PARM_DESC(init_fails,
		 "of so many upcalls, init() of one fails with ENOMEM (default: 0, none)");

static DECLARE_RWSEM(records_sem);
static struct record *records;
static atomic_t records_used = ATOMIC_INIT(0); /* may be more than there are */

static struct {
	atomic_t raised;
	atomic_t returned;
	atomic_t inits;
	atomic_t cleanups;
	atomic_t violations;
} totals;

/* What most of the kernel's own callers pass. */
static char *envp[] = { "HOME=/", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };

static unsigned int records_count(void)
{
	return min_t(unsigned int, atomic_read(&records_used), records_max);
}

static unsigned int records_live(void)
{
	return atomic_read(&totals.raised) - atomic_read(&totals.cleanups);
}

static void violation(const struct record *record, const char *what)
{
	atomic_inc(&totals.violations);
	WARN(1, "upcall_raiser: upcall %td: %s\n", record - records, what);
}

static struct record *record_of(const struct subprocess_info *info)
{
	struct record *record = info->data;

	if (record >= records && record < records + records_count())
		return record;
	atomic_inc(&totals.violations);
	WARN(1, "upcall_raiser: an upcall of nobody, or one that has been freed\n");
	return NULL;
}

/* What a real one does: allocate, which may sleep, and may fail. */
static int init_work(const struct record *record)
{
	unsigned int number = record - records;
	unsigned int most = READ_ONCE(init_ms), fails = READ_ONCE(init_fails);

	if (most && number % most)
		msleep(number % most);
	if (atomic_read(&record->cleanups))
		violation(record, "cleanup() while init() runs");
	return fails && number % fails == fails - 1 ? -ENOMEM : 0;
}

static int raiser_init_helper(struct subprocess_info *info, struct cred *new)
{
	struct record *record = record_of(info);

	if (!record)
		return -EINVAL;
	if (atomic_inc_return(&record->inits) != 1)
		violation(record, "init() again");
	if (atomic_read(&record->cleanups))
		violation(record, "init() after cleanup()");
	record->helper = task_tgid_nr(current);
	/* the kernel's own helper has no memory before its exec */
	record->helper_is_kernels = !current->mm;
	atomic_inc(&totals.inits);
	return init_work(record);
}

static void raiser_cleanup(struct subprocess_info *info)
{
	struct record *record = record_of(info);

	if (!record)
		return;
	if (atomic_inc_return(&record->cleanups) != 1) {
		violation(record, "cleanup() again");
		return;
	}
	record->retval = info->retval;
	atomic_inc(&totals.cleanups);
	/* unloading waits for whoever is between here and the end, see records_exit() */
	module_put(THIS_MODULE);
}

static struct record *record_new(struct command *command)
{
	struct record *record;
	int number = atomic_inc_return(&records_used) - 1;

	if (number >= records_max) {
		atomic_dec(&records_used);
		return NULL;
	}
	record = &records[number];
	kref_get(&command->refs);
	record->raiser = task_tgid_nr(current);
	/* last, for record_show(), which may be reading meanwhile */
	smp_store_release(&record->command, command);
	return record;
}

static void record_returned(struct record *record, int ret, u64 ns)
{
	record->ret = ret;
	record->ns = ns;
	atomic_inc(&record->returns);
	atomic_inc(&totals.returned);
	/* the killed one leaves the rest to the helper's side, and so does who does not wait */
	if (record->command->wait != UMH_NO_WAIT && ret != -ERESTARTSYS &&
	    !atomic_read(&record->cleanups))
		violation(record, "returned before cleanup()");
}

int record_raise(struct command *command, gfp_t gfp)
{
	char **argv = command->words + 3;
	struct subprocess_info *info;
	struct record *record;
	u64 started;
	int ret;

	record = record_new(command);
	if (!record)
		return -ENOSPC;
	info = call_usermodehelper_setup(argv[0], argv, envp, gfp, raiser_init_helper,
					 raiser_cleanup, record);
	if (!info)
		return -ENOMEM;
	atomic_inc(&totals.raised);
	__module_get(THIS_MODULE);
	started = ktime_get_ns();
	ret = call_usermodehelper_exec(info, command->wait);
	record_returned(record, ret, ktime_get_ns() - started);
	return 0;
}

void records_lock(void)
{
	down_read(&records_sem);
}

void records_unlock(void)
{
	up_read(&records_sem);
}

static void records_forget(void)
{
	unsigned int i, count = records_count();

	for (i = 0; i < count; i++)
		if (records[i].command)
			kref_put(&records[i].command->refs, command_free);
	memset(records, 0, count * sizeof(*records));
	memset(&totals, 0, sizeof(totals));
	atomic_set(&records_used, 0);
}

int records_reset(void)
{
	int ret = -EBUSY;

	if (!down_write_trylock(&records_sem))
		return ret;
	if (!records_live()) {
		records_forget();
		ret = 0;
	}
	up_write(&records_sem);
	return ret;
}

void records_show_totals(struct seq_file *seq)
{
	seq_printf(seq, "raised=%d returned=%d inits=%d cleanups=%d live=%u violations=%d\n",
		   atomic_read(&totals.raised), atomic_read(&totals.returned),
		   atomic_read(&totals.inits), atomic_read(&totals.cleanups), records_live(),
		   atomic_read(&totals.violations));
}

bool record_exists(loff_t number)
{
	return number >= 0 && number < records_count();
}

static const char *record_helper(const struct record *record)
{
	if (!atomic_read(&record->inits))
		return "nobody";
	return record->helper_is_kernels ? "kernel" : "process";
}

void record_show(struct seq_file *seq, loff_t number)
{
	struct record *record = &records[number];
	struct command *command;
	char **word;

	/* pairs with record_new() */
	command = smp_load_acquire(&record->command);
	if (!command)
		return;
	seq_printf(seq, "%s %s", command->words[0], command->words[1]);
	seq_printf(seq, " ret=%d retval=%d returns=%d inits=%d cleanups=%d by=%s", record->ret,
		   record->retval, atomic_read(&record->returns), atomic_read(&record->inits),
		   atomic_read(&record->cleanups), record_helper(record));
	seq_printf(seq, " raiser=%d helper=%d us=%llu", record->raiser, record->helper,
		   record->ns / NSEC_PER_USEC);
	for (word = command->words + 3; *word; word++)
		seq_printf(seq, " %s", *word);
	seq_putc(seq, '\n');
}

int records_init(void)
{
	records = vzalloc(array_size(records_max, sizeof(*records)));
	return records ? 0 : -ENOMEM;
}

void records_exit(void)
{
	/* each upcall holds the module; what may still run is the end of the last cleanup() */
	synchronize_rcu_tasks();
	records_forget();
	vfree(records);
}
