// SPDX-License-Identifier: GPL-2.0-only
/*
 * Monitors
 *
 * Unicast, like the broker's events, and by the same authority: whoever has
 * opened /dev/upcall names the socket. A multicast group would not keep its
 * events from others. Generic netlink lets everybody join a number that no
 * family has yet, and whoever did stays a member when a family is given it, so
 * a flag that restricts joining comes too late. And a member in any network
 * namespace, which a container's root can be, would make every native upcall
 * pay for encoding.
 *
 * An event is made where the upcall is decided, before the kernel's own helper
 * starts, in whatever context the caller has. So nothing here sleeps: memory is
 * taken if it is at hand, a full receive buffer loses the event. Each monitor is
 * told how many it lost.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <net/netlink.h>

#include "event.h"
#include "monitor.h"
#include "subject.h"
#include "tags.h"

#define MONITORS_MAX 8

struct monitor {
	const struct file *device; /* identity only; NULL: a free place */
	struct file *socket;
	u32 portid;
	u32 lost;
};

/* Callers may have interrupts off: irqsave everywhere. */
static DEFINE_SPINLOCK(monitor_lock);
static struct monitor monitors[MONITORS_MAX];
unsigned int monitor_count;

static unsigned long monitor_lost;
module_param(monitor_lost, ulong, 0444);
MODULE_PARM_DESC(monitor_lost, "events that did not reach a monitor, of all monitors together");

/* Under the lock. NULL: there is none; with NULL for @device: a free place. */
static struct monitor *monitor_of(const struct file *device)
{
	int i;

	for (i = 0; i < MONITORS_MAX; i++)
		if (monitors[i].device == device)
			return &monitors[i];
	return NULL;
}

int monitor_add(const struct file *device, int netlink_fd)
{
	struct monitor new = { .device = device };
	struct monitor *place;
	unsigned long flags;
	int ret = 0;

	new.socket = event_socket_get(netlink_fd, &new.portid);
	if (IS_ERR(new.socket))
		return PTR_ERR(new.socket);
	spin_lock_irqsave(&monitor_lock, flags);
	place = monitor_of(NULL);
	if (monitor_of(device)) {
		ret = -EBUSY;
	} else if (!place) {
		ret = -EUSERS;
	} else {
		*place = new;
		WRITE_ONCE(monitor_count, monitor_count + 1);
	}
	spin_unlock_irqrestore(&monitor_lock, flags);
	if (ret)
		fput(new.socket);
	return ret;
}

void monitor_remove(const struct file *device)
{
	struct file *socket = NULL;
	struct monitor *monitor;
	unsigned long flags;

	spin_lock_irqsave(&monitor_lock, flags);
	monitor = monitor_of(device);
	if (monitor) {
		socket = monitor->socket;
		memset(monitor, 0, sizeof(*monitor));
		WRITE_ONCE(monitor_count, monitor_count - 1);
	}
	spin_unlock_irqrestore(&monitor_lock, flags);
	if (socket)
		fput(socket);
}

/* A copy that holds the socket, so that its port cannot become another's. */
static bool monitor_get(int i, struct monitor *copy)
{
	unsigned long flags;

	spin_lock_irqsave(&monitor_lock, flags);
	*copy = monitors[i];
	if (copy->device)
		get_file(copy->socket);
	spin_unlock_irqrestore(&monitor_lock, flags);
	return copy->device;
}

static void monitor_put(int i, const struct monitor *copy, bool lost)
{
	unsigned long flags;

	if (lost) {
		spin_lock_irqsave(&monitor_lock, flags);
		monitor_lost++;
		/* the place may be another's meanwhile */
		if (monitors[i].socket == copy->socket)
			monitors[i].lost++;
		spin_unlock_irqrestore(&monitor_lock, flags);
	}
	fput(copy->socket);
}

/* The loss comes first, so that it can be written in place. NULL: no memory, or too long. */
static struct sk_buff *monitor_encode(const struct subprocess_info *info, int wait,
				      const struct subject *subject, enum upcall_verdict verdict)
{
	const struct tags_upcall tags = { .wait = wait };
	struct sk_buff *skb;

	skb = alloc_skb(tags_size(info, subject), GFP_NOWAIT | __GFP_NOWARN);
	if (!skb)
		return NULL;
	if (nla_put_u32(skb, UPCALL_A_LOST, 0) || nla_put_u32(skb, UPCALL_A_VERDICT, verdict) ||
	    tags_put_upcall(skb, &tags, subject, info)) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

static bool monitor_tell(const struct monitor *monitor, struct sk_buff *tags)
{
	if (!tags)
		return false;
	*(u32 *)nla_data((struct nlattr *)tags->data) = monitor->lost;
	return !event_send(monitor->portid, UPCALL_CMD_DECIDED, tags);
}

void monitor_decided(const struct subprocess_info *info, int wait, const struct subject *subject,
		     enum upcall_verdict verdict)
{
	struct monitor monitor;
	struct sk_buff *tags;
	int i;

	if (!monitor_is_on())
		return;
	tags = monitor_encode(info, wait, subject, verdict);
	for (i = 0; i < MONITORS_MAX; i++)
		if (monitor_get(i, &monitor))
			monitor_put(i, &monitor, !monitor_tell(&monitor, tags));
	kfree_skb(tags);
}
