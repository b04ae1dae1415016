// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events
 *
 * Unicast, because only unicast tells that a message was lost, and because a
 * multicast group can be joined by others. The one subscriber is told of what
 * is offered; a loss costs nothing: the receiver sees ENOBUFS, or /dev/upcall
 * readable, and asks for the list. Monitors are told of the rest (monitor.c).
 *
 * The family has no commands: generic netlink holds cb_lock around each, and an
 * upcall that is raised under it while a module waits to register a family
 * would stop us and everybody.
 *
 * The subscription holds the socket's file, so that its port cannot become
 * another's, and belongs to an open /dev/upcall: under systemd both are held by
 * PID 1 and outlive the daemon.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/pid.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "event.h"
#include "upcall_object.h"

struct subscription {
	const struct file *device; /* identity only */
	struct file *socket;
	struct pid *process; /* who subscribed last: the broker */
	u32 portid;
};

static DEFINE_SPINLOCK(subscription_lock);
static struct subscription subscription;

static struct genl_family upcall_family __ro_after_init = {
	.name = UPCALL_GENL_NAME,
	.version = UPCALL_GENL_VERSION,
	.maxattr = UPCALL_A_MAX,
	.netnsok = false,
	.parallel_ops = true,
	.module = THIS_MODULE,
};

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

struct file *event_socket_get(int netlink_fd, u32 *ret_portid)
{
	struct socket *socket;
	int ret;

	socket = sockfd_lookup(netlink_fd, &ret);
	if (!socket)
		return ERR_PTR(ret);
	ret = netlink_port(socket, ret_portid);
	if (ret) {
		sockfd_put(socket);
		return ERR_PTR(ret);
	}
	return socket->file; /* the reference that sockfd_lookup() took */
}

static int subscription_open(struct subscription *new, int netlink_fd)
{
	new->socket = event_socket_get(netlink_fd, &new->portid);
	if (IS_ERR(new->socket))
		return PTR_ERR(new->socket);
	new->process = get_pid(task_tgid(current));
	return 0;
}

static void subscription_close(struct subscription *old)
{
	if (old->socket)
		fput(old->socket);
	put_pid(old->process);
}

int event_subscribe(const struct file *device, int netlink_fd)
{
	struct subscription new = { .device = device };
	struct subscription old;
	int ret;

	ret = subscription_open(&new, netlink_fd);
	if (ret)
		return ret;
	spin_lock(&subscription_lock);
	old = subscription;
	if (old.device && old.device != device)
		ret = -EBUSY;
	else
		subscription = new;
	spin_unlock(&subscription_lock);
	subscription_close(ret ? &new : &old);
	return ret;
}

void event_unsubscribe(const struct file *device)
{
	struct subscription old = {};

	spin_lock(&subscription_lock);
	if (subscription.device == device) {
		old = subscription;
		memset(&subscription, 0, sizeof(subscription));
	}
	spin_unlock(&subscription_lock);
	subscription_close(&old);
}

bool event_from_subscriber(void)
{
	struct pid *process = READ_ONCE(subscription.process);

	/* a comparison of addresses: a stale one is not ours while we live */
	return process && process == task_tgid(current);
}

static struct file *subscription_get(u32 *ret_portid)
{
	struct file *socket;

	spin_lock(&subscription_lock);
	socket = subscription.socket;
	if (socket)
		get_file(socket);
	*ret_portid = subscription.portid;
	spin_unlock(&subscription_lock);
	return socket;
}

int event_send(u32 portid, enum upcall_cmd command, const struct sk_buff *tags)
{
	struct sk_buff *skb;
	void *header;

	/* also called where memory is being reclaimed; a loss is allowed */
	skb = genlmsg_new(tags->len, GFP_NOWAIT | __GFP_NOWARN);
	if (!skb)
		return -ENOMEM;
	header = genlmsg_put(skb, 0, 0, &upcall_family, 0, command);
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
	struct file *socket;
	u32 portid;

	socket = subscription_get(&portid);
	if (!socket)
		return;
	event_send(portid, UPCALL_CMD_OFFERED, upcall->tags);
	fput(socket);
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
