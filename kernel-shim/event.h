/* SPDX-License-Identifier: GPL-2.0-only */
/* The netlink face: one subscriber, unicast, no commands. */
#ifndef UPCALL_SHIM_EVENT_H
#define UPCALL_SHIM_EVENT_H

struct file;
struct upcall;

int event_init(void);
void event_exit(void);

/*
 * @device is the open /dev/upcall that the subscription belongs to: it ends
 * with event_unsubscribe(@device). -EBUSY: another device file holds it.
 */
int event_subscribe(const struct file *device, int netlink_fd);
void event_unsubscribe(const struct file *device);

/* Is the calling process the one that subscribed? */
bool event_from_subscriber(void);

void event_offered(const struct upcall *upcall);

#endif
