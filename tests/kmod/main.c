// SPDX-License-Identifier: GPL-2.0-only
/*
 * upcall_raiser: raises upcalls, for tests
 *
 * /dev/upcall-raiser is anybody's, also a container's: not for a machine that
 * matters. What is written is
 *
 *   MODE CONTEXT COUNT PATH [ARG...]
 *
 * with one of the modes and contexts below: COUNT upcalls are raised, one after
 * the other, and the write returns when all have returned. Contexts that cannot
 * sleep take the mode no-wait only. Or it is "reset", which forgets all records,
 * or EBUSY while an upcall has not been cleaned up. Or it is "poweroff": the
 * kernel's orderly_poweroff(), which only drivers can call, without its force: if
 * kernel.poweroff_cmd does not run, nothing comes of it. It is not recorded. Or it
 * is "stand SECONDS", at most STAND_MAX: the machine stands, its clocks go on. Or it
 * is "key DESCRIPTION": the kernel asks for a key of the type user, which is not
 * recorded; the write fails as that does.
 *
 * What is read is a line of totals and a line for each upcall:
 *
 *   raised= returned= inits= cleanups= live= violations=
 *   MODE CONTEXT ret= retval= returns= inits= cleanups= by= raiser= helper= us= PATH [ARG...]
 *
 * ret is what the call returned, after us microseconds, retval what cleanup()
 * saw, by who ran init(): nobody, a helper of the kernel, or a process. A
 * violation of what record.c watches is counted, and warned of.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/umh.h>

#include "clock.h"
#include "context.h"
#include "key.h"
#include "record.h"

#define STAND_MAX 15 /* the kernel complains of 20 */

static const struct {
	const char *name;
	int wait;
} modes[] = {
	{ "no-wait", UMH_NO_WAIT },
	{ "exec", UMH_WAIT_EXEC },
	{ "proc", UMH_WAIT_PROC },
	{ "exec-killable", UMH_WAIT_EXEC | UMH_KILLABLE },
	{ "proc-killable", UMH_WAIT_PROC | UMH_KILLABLE },
};

static const char *const contexts[] = {
	[RAISER_PROCESS] = "process",	  [RAISER_KTHREAD] = "kthread",
	[RAISER_WORKQUEUE] = "workqueue", [RAISER_ATOMIC] = "atomic",
	[RAISER_BH_OFF] = "bh-off",	  [RAISER_IRQS_OFF] = "irqs-off",
	[RAISER_TIMER] = "timer",
};

void command_free(struct kref *refs)
{
	struct command *command = container_of(refs, struct command, refs);

	argv_free(command->words);
	kfree(command);
}

static int parse_mode(struct command *command)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(command->words[0], modes[i].name)) {
			command->wait = modes[i].wait;
			return 0;
		}
	return -EINVAL;
}

static int parse_context(struct command *command)
{
	int context = match_string(contexts, ARRAY_SIZE(contexts), command->words[1]);

	if (context < 0)
		return context;
	if (context >= RAISER_ATOMIC && command->wait != UMH_NO_WAIT)
		return -EINVAL;
	command->context = context;
	return 0;
}

static int command_parse(struct command *command, int words)
{
	if (words < 4)
		return -EINVAL;
	return parse_mode(command)	      ?:
		       parse_context(command) ?:
						kstrtouint(command->words[2], 10, &command->count);
}

static int command_run(const char *text)
{
	struct command *command = kzalloc(sizeof(*command), GFP_KERNEL);
	int words, ret;

	if (!command)
		return -ENOMEM;
	kref_init(&command->refs);
	command->words = argv_split(GFP_KERNEL, text, &words);
	if (!command->words) {
		kfree(command);
		return -ENOMEM;
	}
	ret = command_parse(command, words);
	if (!ret) {
		records_lock();
		ret = context_run(command);
		records_unlock();
	}
	kref_put(&command->refs, command_free);
	return ret;
}

static int stand_run(const char *seconds)
{
	unsigned int count;
	int ret = kstrtouint(seconds, 10, &count);

	if (ret)
		return ret;
	return count <= STAND_MAX ? clock_stand(count) : -ERANGE;
}

static ssize_t raiser_write(struct file *file, const char __user *user, size_t size, loff_t *pos)
{
	char *text;
	int ret = 0;

	if (size >= PAGE_SIZE)
		return -E2BIG;
	text = memdup_user_nul(user, size);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!strcmp(strim(text), "reset"))
		ret = records_reset();
	else if (!strcmp(text, "poweroff"))
		orderly_poweroff(false);
	else if (str_has_prefix(text, "stand "))
		ret = stand_run(text + strlen("stand "));
	else if (str_has_prefix(text, "key "))
		ret = key_request_as_kernel(text + strlen("key "));
	else
		ret = command_run(text);
	kfree(text);
	return ret ?: size;
}

/* Line 0 is that of the totals. */
static void *line_at(loff_t *pos)
{
	return !*pos || record_exists(*pos - 1) ? pos : NULL;
}

static void *lines_start(struct seq_file *seq, loff_t *pos)
{
	records_lock();
	return line_at(pos);
}

static void *lines_next(struct seq_file *seq, void *line, loff_t *pos)
{
	++*pos;
	return line_at(pos);
}

static void lines_stop(struct seq_file *seq, void *line)
{
	records_unlock();
}

static int lines_show(struct seq_file *seq, void *line)
{
	loff_t number = *(loff_t *)line;

	if (number)
		record_show(seq, number - 1);
	else
		records_show_totals(seq);
	return 0;
}

static const struct seq_operations lines = {
	.start = lines_start,
	.next = lines_next,
	.stop = lines_stop,
	.show = lines_show,
};

static int raiser_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL; /* the miscdevice, which seq_open() has no use for */
	return seq_open(file, &lines);
}

static const struct file_operations raiser_fops = {
	.owner = THIS_MODULE,
	.open = raiser_open,
	.read = seq_read,
	.write = raiser_write,
	.llseek = seq_lseek,
	.release = seq_release,
};

static struct miscdevice raiser = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "upcall-raiser",
	.mode = 0666,
	.fops = &raiser_fops,
};

static int __init raiser_init(void)
{
	int ret;

	ret = records_init();
	if (ret)
		return ret;
	ret = context_init();
	if (ret)
		goto err_context;
	ret = clock_init();
	if (ret)
		goto err_clock;
	ret = key_cache_init();
	if (ret)
		goto err_cache;
	ret = misc_register(&raiser);
	if (ret)
		goto err_device;
	return 0;

err_device:
	key_cache_exit();
err_cache:
	clock_exit();
err_clock:
	context_exit();
err_context:
	records_exit();
	return ret;
}

static void __exit raiser_exit(void)
{
	misc_deregister(&raiser);
	key_cache_exit();
	clock_exit();
	context_exit();
	records_exit();
}

module_init(raiser_init);
module_exit(raiser_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The upcalld developers");
MODULE_DESCRIPTION("Raises upcalls, for tests of upcall_shim");
