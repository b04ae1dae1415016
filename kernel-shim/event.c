// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events
 *
 * Unicast, because only unicast tells that a message was lost, and because a
 * multicast group would not keep its events from others. Generic netlink lets
 * everybody join a number that no family has yet, and whoever did stays a member
 * when a family is given it, so a flag that restricts joining comes too late. And a
 * member in any network namespace, which a container's root can be, would make every
 * native upcall pay for encoding.
 *
 * The one broker is told of what is offered; a loss costs nothing: the receiver
 * sees ENOBUFS, or /dev/upcall readable, and asks for the list. Monitors are told of
 * the rest where it is decided, before the kernel's own helper starts, in whatever
 * context the caller has; each is told how many it lost. So nothing that sends
 * sleeps: memory is taken if it is at hand, a full receive buffer loses the event.
 *
 * The family has no commands: generic netlink holds cb_lock around each, and an
 * upcall that is raised under it while a module waits to register a family
 * would stop us and everybody.
 *
 * A listener holds its socket's file, so that the port cannot become another's, and
 * belongs to an open /dev/upcall: under systemd the broker's are both held by PID 1
 * and outlive the daemon.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/pid.h>
#include <linux/spinlock.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "event.h"
#include "subject.h"
#include "tags.h"
#include "upcall_object.h"

#define MONITORS_MAX 8

struct listener {
	const struct file *device; /* identity only; NULL: a free place */
	struct file *socket;	   /* reference */
	struct pid *process;	   /* reference: who listened last */
	u32 portid;
	u32 lost; /* a monitor's */
};

/*
 * Who decides may have interrupts off, and hold a lock that interrupts take, too: so
 * they are off wherever this one is taken.
 */
static DEFINE_SPINLOCK(listeners_lock);
static struct listener broker;
static struct pid *broker_process; /* its process, compared without the lock */
static struct listener monitors[MONITORS_MAX];
unsigned int event_monitors;

static unsigned long monitor_lost;
module_param(monitor_lost, ulong, 0444);
MODULE_PARM_DESC(monitor_lost, "events that did not reach a monitor, of all monitors together");

static struct genl_family upcall_family __ro_after_init = {
	.name = UPCALL_GENL_NAME,
	.version = UPCALL_GENL_VERSION,
	.maxattr = UPCALL_A_MAX,
	.netnsok = false,
	.parallel_ops = true,
	.module = THIS_MODULE,
};

/* -------------------------------------------------------------- listeners */

/* -EINVAL: no bound generic netlink socket of the initial network namespace. */
static int netlink_port(struct socket *socket, u32 *ret_portid)
{
	struct sockaddr_nl address;
	int ret;

	if (!socket->sk || socket->sk->sk_family != AF_NETLINK ||
	    socket->sk->sk_protocol != NETLINK_GENERIC ||
	    !net_eq(sock_net(socket->sk), &init_net))
		return -EINVAL;
	ret = kernel_getsockname(socket, (struct sockaddr *)&address);
	if (ret < 0)
		return ret;
	if (!address.nl_pid)
		return -EINVAL;
	*ret_portid = address.nl_pid;
	return 0;
}

static void listener_close(const struct listener *listener)
{
	if (listener->socket)
		fput(listener->socket);
	put_pid(listener->process);
}

/* @ret is to be closed, also on failure. */
static int listener_open(struct listener *ret, int netlink_fd)
{
	struct socket *socket;
	int error;

	socket = sockfd_lookup(netlink_fd, &error);
	if (!socket)
		return error;
	ret->socket = socket->file; /* the reference that sockfd_lookup() took */
	ret->process = get_pid(task_tgid(current));
	return netlink_port(socket, &ret->portid);
}

/* Where the device's broker, or monitor, may be put. Under the lock. */
static struct listener *listener_place(const struct file *device, enum upcall_cmd event)
{
	struct listener *place = ERR_PTR(-EUSERS);
	int i;

	if (event == UPCALL_CMD_OFFERED)
		return broker.device && broker.device != device ? ERR_PTR(-EBUSY) : &broker;
	for (i = 0; i < MONITORS_MAX; i++) {
		if (monitors[i].device == device)
			return ERR_PTR(-EBUSY);
		if (!monitors[i].device)
			place = &monitors[i];
	}
	return place;
}

int event_listen(const struct file *device, int netlink_fd, enum upcall_cmd event)
{
	struct listener listener = { .device = device };
	struct listener *place;
	int ret;

	ret = listener_open(&listener, netlink_fd);
	if (ret)
		goto close;
	spin_lock_irq(&listeners_lock);
	place = listener_place(device, event);
	ret = PTR_ERR_OR_ZERO(place);
	if (!ret) {
		swap(*place, listener);
		WRITE_ONCE(broker_process, broker.process);
		if (event == UPCALL_CMD_DECIDED)
			WRITE_ONCE(event_monitors, event_monitors + 1);
	}
	spin_unlock_irq(&listeners_lock);
close:
	/* what has found no place, or whose place it was */
	listener_close(&listener);
	return ret;
}

void event_unlisten(const struct file *device)
{
	struct listener old_broker = {}, old_monitor = {};
	int i;

	spin_lock_irq(&listeners_lock);
	if (broker.device == device) {
		WRITE_ONCE(broker_process, NULL);
		swap(broker, old_broker);
	}
	for (i = 0; i < MONITORS_MAX; i++)
		if (monitors[i].device == device) {
			swap(monitors[i], old_monitor);
			WRITE_ONCE(event_monitors, event_monitors - 1);
		}
	spin_unlock_irq(&listeners_lock);
	listener_close(&old_broker);
	listener_close(&old_monitor);
}

bool event_from_broker(void)
{
	struct pid *process = READ_ONCE(broker_process);

	/* a comparison of addresses: a stale one is not ours while we live */
	return process && process == task_tgid(current);
}

/* A copy that holds the socket. False: nobody listens there. */
static bool listener_get(const struct listener *listener, struct listener *copy)
{
	unsigned long flags;

	spin_lock_irqsave(&listeners_lock, flags);
	*copy = *listener;
	if (copy->socket)
		get_file(copy->socket);
	spin_unlock_irqrestore(&listeners_lock, flags);
	return copy->socket;
}

/* ---------------------------------------------------------------- sending */

/* Never sleeps. A negative errno: it did not get there. */
static int event_send(u32 portid, enum upcall_cmd event, const struct sk_buff *tags)
{
	struct sk_buff *skb;
	void *header;

	/* also called where memory is being reclaimed; a loss is allowed */
	skb = genlmsg_new(tags->len, GFP_NOWAIT | __GFP_NOWARN);
	if (!skb)
		return -ENOMEM;
	header = genlmsg_put(skb, 0, 0, &upcall_family, 0, event);
	if (WARN_ON_ONCE(!header)) {
		kfree_skb(skb);
		return -EMSGSIZE;
	}
	skb_put_data(skb, tags->data, tags->len);
	genlmsg_end(skb, header);
	/* does not block; a full receive buffer is told to the receiver, too (ENOBUFS) */
	return genlmsg_unicast(&init_net, skb, portid);
}

void event_offered(const struct upcall *upcall)
{
	struct listener copy;

	if (!listener_get(&broker, &copy))
		return;
	event_send(copy.portid, UPCALL_CMD_OFFERED, upcall->tags);
	fput(copy.socket);
}

/* The loss comes first, so that it can be written in place. NULL: no memory, or too long. */
static struct sk_buff *decided_encode(const struct subprocess_info *info, int wait,
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

static bool decided_send(const struct listener *monitor, struct sk_buff *tags)
{
	if (!tags)
		return false;
	*(u32 *)nla_data((struct nlattr *)tags->data) = monitor->lost;
	return !event_send(monitor->portid, UPCALL_CMD_DECIDED, tags);
}

static void monitor_tell(struct listener *monitor, struct sk_buff *tags)
{
	struct listener copy;
	unsigned long flags;

	if (!listener_get(monitor, &copy))
		return;
	if (!decided_send(&copy, tags)) {
		spin_lock_irqsave(&listeners_lock, flags);
		monitor_lost++;
		/* the place may be another's meanwhile */
		if (monitor->socket == copy.socket)
			monitor->lost++;
		spin_unlock_irqrestore(&listeners_lock, flags);
	}
	fput(copy.socket);
}

void event_decided(const struct subprocess_info *info, int wait, const struct subject *subject,
		   enum upcall_verdict verdict)
{
	struct sk_buff *tags;
	int i;

	if (!event_is_monitored())
		return;
	tags = decided_encode(info, wait, subject, verdict);
	for (i = 0; i < MONITORS_MAX; i++)
		monitor_tell(&monitors[i], tags);
	kfree_skb(tags);
}

int event_init(void)
{
	int ret = genl_register_family(&upcall_family);

	if (ret)
		pr_err("cannot register the netlink family %s: %d\n", upcall_family.name, ret);
	return ret;
}

void event_exit(void)
{
	genl_unregister_family(&upcall_family);
}
