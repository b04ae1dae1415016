// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sleep that takes longer by the machine's clock than by anybody's patience
 *
 * Where no counter goes on while the machine sleeps, Linux asks the machine's
 * clock before and after it, and puts CLOCK_BOOTTIME and CLOCK_REALTIME forth
 * by the difference. Here the clock has gone forth by sleep_more seconds more.
 *
 * And a machine that stands while all its clocks go on, as under a hypervisor whose
 * own machine sleeps: no processor does anything, and then it is that much later.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/stop_machine.h>
#include <linux/timekeeping.h>

#include "clock.h"

static unsigned int sleep_more;
module_param(sleep_more, uint, 0444);
MODULE_PARM_DESC(sleep_more, "seconds by which each sleep is longer (default: 0)");

/* Interrupts are off, and there is one processor: timekeeping stands. */
static time64_t ahead;

static int woken(struct kprobe *probe, struct pt_regs *regs)
{
	ahead += sleep_more;
	return 0;
}

static int clock_read(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	*(struct timespec64 **)instance->data = (void *)regs_get_kernel_argument(regs, 0);
	return 0;
}

static int clock_has_read(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct timespec64 *time = *(struct timespec64 **)instance->data;

	time->tv_sec += ahead;
	return 0;
}

static struct kprobe wake = {
	.symbol_name = "timekeeping_resume",
	.pre_handler = woken,
};

static struct kretprobe read = {
	.kp.symbol_name = "read_persistent_clock64",
	.entry_handler = clock_read,
	.handler = clock_has_read,
	.data_size = sizeof(struct timespec64 *),
	.maxactive = 1,
};

static int stands(void *until)
{
	while (ktime_before(ktime_get(), *(ktime_t *)until))
		cpu_relax();
	return 0;
}

int clock_stand(unsigned int seconds)
{
	ktime_t until = ktime_add_ms(ktime_get(), seconds * MSEC_PER_SEC);

	return stop_machine(stands, &until, NULL);
}

int clock_init(void)
{
	int ret;

	/* not every kernel has what is to be probed, nor does every test sleep */
	if (!sleep_more)
		return 0;
	ret = register_kretprobe(&read);
	if (ret)
		return ret;
	ret = register_kprobe(&wake);
	if (ret)
		unregister_kretprobe(&read);
	return ret;
}

void clock_exit(void)
{
	if (!sleep_more)
		return;
	unregister_kprobe(&wake);
	unregister_kretprobe(&read);
}
