/* SPDX-License-Identifier: GPL-2.0-only */
/* The netlink face: events by unicast, no commands. */
#ifndef UPCALL_SHIM_EVENT_H
#define UPCALL_SHIM_EVENT_H

#include <linux/types.h>

#include "upcall.h"

struct file;
struct subject;
struct subprocess_info;
struct upcall;

int event_init(void);
void event_exit(void);

/*
 * Who listens to OFFERED is the broker, to DECIDED a monitor. @device is the open
 * /dev/upcall that the listener belongs to: it ends with event_unlisten(@device).
 * -EINVAL: no bound generic netlink socket of the initial network namespace. -EBUSY:
 * another device file is the broker's, or this one monitors; -EUSERS: too many do.
 */
int event_listen(const struct file *device, int netlink_fd, enum upcall_cmd event);
void event_unlisten(const struct file *device);

/* Is the calling process the one that was last to listen as the broker? */
bool event_from_broker(void);

/* One load and one branch: what a native upcall pays while nobody looks. */
extern unsigned int event_monitors;
static inline bool event_is_monitored(void)
{
	return unlikely(READ_ONCE(event_monitors));
}

void event_offered(const struct upcall *upcall);

/*
 * Tell the monitors that this upcall is left to the kernel, or refused here.
 * Never sleeps and never fails: what cannot be told is counted as lost.
 */
void event_decided(const struct subprocess_info *info, int wait, const struct subject *subject,
		   enum upcall_verdict verdict);

#endif
