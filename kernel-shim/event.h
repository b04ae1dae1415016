/* SPDX-License-Identifier: GPL-2.0-only */
/* The netlink face: events by unicast, no commands. */
#ifndef UPCALL_SHIM_EVENT_H
#define UPCALL_SHIM_EVENT_H

#include <linux/types.h>

#include "upcall.h"

struct file;
struct sk_buff;
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

/*
 * A socket that events can be sent to: its file, with a reference, and its port.
 * -EINVAL: no bound generic netlink socket of the initial network namespace.
 */
struct file *event_socket_get(int netlink_fd, u32 *ret_portid);

/*
 * One message with these attributes. Never sleeps. A negative errno: it did not
 * get there. The caller holds the socket's file.
 */
int event_send(u32 portid, enum upcall_cmd command, const struct sk_buff *tags);

#endif
