// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>

#include "cleanup.h"
#include "control.h"
#include "daemon.h"
#include "monitor.h"

static void cleanup_bus_(sd_bus **bus)
{
	*bus = sd_bus_unref(*bus);
}

void control_link_free(struct control_link *link)
{
	ev_timer_stop(link->control->loop, &link->idle);
	bus_loop_stop(&link->bus_loop);
	list_unlink(&link->link);
	link->control->count--;
	free(link);
}

static void broken(struct bus_loop *bus_loop, int error)
{
	control_link_free(container_of(bus_loop, struct control_link, bus_loop));
}

/*
 * Fds with the next piece of what lies ready, as the next recvmsg(2) will get
 * them. They have to be received for that: what is seen is closed again.
 */
static unsigned int next_fds(int fd, int ready)
{
	static char bytes[CONTROL_PARTIAL_MAX];
	struct iovec iov = { bytes, (size_t)ready < sizeof(bytes) ? (size_t)ready : sizeof(bytes) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE((CONTROL_FDS_MAX + 1) * sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	unsigned int count = 0;
	int one;

	if (recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return 0;
	for (cmsg = CMSG_FIRSTHDR(&message); cmsg; cmsg = CMSG_NXTHDR(&message, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(one) <= cmsg->cmsg_len;
		     at += sizeof(one)) {
			memcpy(&one, (char *)cmsg + at, sizeof(one));
			close_keep_errno(one);
			count++;
		}
	}
	return message.msg_flags & MSG_CTRUNC ? CONTROL_FDS_MAX + 1 : count;
}

/*
 * sd-bus keeps what it has read of a message until it is whole, up to 128 MiB
 * and any number of fds. What lies ready now is about to be added to that; a
 * whole message sets it back.
 */
static void readable(struct bus_loop *bus_loop)
{
	struct control_link *link = container_of(bus_loop, struct control_link, bus_loop);
	int fd = sd_bus_get_fd(bus_loop->bus), ready = 0;

	if (ioctl(fd, FIONREAD, &ready) == 0 && ready > 0) {
		link->partial += (uint64_t)ready;
		link->fds += next_fds(fd, ready);
	}
	if (link->partial > CONTROL_PARTIAL_MAX || link->fds > CONTROL_FDS_MAX)
		bus_loop_finish(bus_loop);
}

/*
 * ATTACK: sd-bus looks for each part of an object's path by itself, and reads all of it for each:
 * one of 64 KiB takes half a second, and any user may send one after the other. Of what there is
 * none is longer than our object's; root's mistake is answered.
 */
static bool is_endless(const struct control_link *link, sd_bus_message *message)
{
	const char *path = sd_bus_message_get_path(message);

	return link->uid && path && strlen(path) > strlen(CONTROL_OBJECT);
}

static int message_came(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control_link *link = userdata;
	uint64_t unread = 0;

	link->partial = 0;
	link->fds = 0;
	if (is_endless(link, message)) {
		bus_loop_finish(&link->bus_loop);
		return 1; /* it goes no further */
	}
	if (link->monitor == MONITOR_NONE)
		ev_timer_again(link->control->loop, &link->idle);
	/* signals wait there, too, and have a bound of their own */
	if (sd_bus_get_n_queued_write(link->bus_loop.bus, &unread) >= 0 &&
	    unread > CONTROL_UNREAD_MAX + (link->monitor ? MONITOR_UNREAD_MAX : 0))
		bus_loop_finish(&link->bus_loop);
	return 0;
}

static void idle_too_long(struct ev_loop *loop, ev_timer *timer, int events)
{
	control_link_free(container_of(timer, struct control_link, idle));
}

/* Consumes fd, also on failure. */
static int make_bus(struct control_link *link, int fd, sd_bus **ret)
{
	cleanup_with(cleanup_bus_) sd_bus *bus = NULL;
	sd_id128_t id;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0) {
		close_keep_errno(fd);
		return r;
	}
	r = sd_id128_randomize(&id);
	if (r >= 0)
		r = sd_bus_set_server(bus, true, id);
	if (r >= 0)
		r = sd_bus_set_anonymous(bus, false);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, !link->relayed);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, message_came, link);
	if (r >= 0)
		r = sd_bus_add_object_vtable(bus, NULL, CONTROL_OBJECT, CONTROL_INTERFACE,
					     control_vtable, link);
	if (r < 0)
		return r;
	*ret = take_ptr(bus);
	return 0;
}

int control_link_new(struct control *control, int fd, uid_t uid, bool relayed)
{
	cleanup_free struct control_link *link = calloc(1, sizeof(*link));
	sd_bus *bus;
	int ret;

	if (!link) {
		close_keep_errno(fd);
		return -ENOMEM;
	}
	link->control = control;
	link->uid = uid;
	link->relayed = relayed;
	link->bus_loop.broken = broken;
	link->bus_loop.modest = uid != 0;
	link->bus_loop.readable = readable;
	ret = make_bus(link, fd, &bus);
	if (ret < 0)
		return ret;
	ev_timer_init(&link->idle, idle_too_long, 0., CONTROL_IDLE_SECONDS);
	ev_timer_again(control->loop, &link->idle);
	list_append(&control->links, &link->link);
	control->count++;
	bus_loop_start(&link->bus_loop, control->loop, bus);
	(void)take_ptr(link);
	return 0;
}
