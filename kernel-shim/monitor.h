/* SPDX-License-Identifier: GPL-2.0-only */
/* Who wants to see the upcalls that the broker has no part in. */
#ifndef UPCALL_SHIM_MONITOR_H
#define UPCALL_SHIM_MONITOR_H

#include <linux/types.h>

#include "upcall.h"

struct file;
struct subject;
struct subprocess_info;

/*
 * @device is the open /dev/upcall that the monitor belongs to: it ends with
 * monitor_remove(@device). -EBUSY: it monitors already; -EUSERS: too many do.
 */
int monitor_add(const struct file *device, int netlink_fd);
void monitor_remove(const struct file *device);

/* One load and one branch: what a native upcall pays while nobody looks. */
extern unsigned int monitor_count;
static inline bool monitor_is_on(void)
{
	return unlikely(READ_ONCE(monitor_count));
}

/*
 * Tell the monitors that this upcall is left to the kernel, or refused here.
 * Never sleeps and never fails: what cannot be told is counted as lost.
 */
void monitor_decided(const struct subprocess_info *info, int wait, const struct subject *subject,
		     enum upcall_verdict verdict);

#endif
