// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "cleanup.h"
#include "json.h"
#include "native-print.h"

/* argv and envp are at most 64 KiB each. */
#define BUFFER_SIZE    (256 * 1024)
#define RECEIVE_BUFFER (4 * 1024 * 1024)

static _Alignas(struct nlmsghdr) char buffer[BUFFER_SIZE];

struct native {
	const struct verb *verb;
	const struct native_options *options;
	int device;
	int socket;
	uint32_t lost; /* so far, as the last event said */
};

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---------------------------------------------------------------- the socket */

/* Negative if all is well, else an exit status. */
static int open_device(struct native *native)
{
	native->device = open(UPCALL_DEVICE, O_RDWR | O_CLOEXEC);
	if (native->device >= 0)
		return -1;
	/* no such device, rather than no such upcall or container */
	return failed(native->verb, errno == ENOENT || errno == ENXIO ? ENODEV : errno,
		      "--native: %s", UPCALL_DEVICE);
}

/*
 * Nothing is ever sent on it, and it is in no group: what comes from port 0 is
 * what we ask the device for.
 */
static int open_socket(struct native *native)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	const int size = RECEIVE_BUFFER;

	native->socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (native->socket < 0 ||
	    bind(native->socket, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return failed(native->verb, errno, "--native: netlink socket");
	/* a smaller one only loses more, and says so */
	(void)setsockopt(native->socket, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return -1;
}

static int ask_for_events(struct native *native)
{
	struct upcall_subscribe subscribe = { .netlink_fd = native->socket };
	const char *reason = UPCALL_DEVICE;

	if (ioctl(native->device, UPCALL_IOC_MONITOR, &subscribe) == 0)
		return -1;
	if (errno == ENOTTY)
		reason = "the loaded module is older than upcallctl and has no monitors";
	else if (errno == EINVAL)
		reason = "not in the initial network namespace";
	else if (errno == EUSERS)
		reason = "as many as the module allows run already";
	return failed(native->verb, errno, "--native: %s", reason);
}

static int start(struct native *native)
{
	int status = open_device(native);

	if (status < 0)
		status = open_socket(native);
	if (status < 0)
		status = ask_for_events(native);
	return status;
}

/* -------------------------------------------------------------------- events */

/* The table's name for the entry; its number, if it has left the table since. */
static void name_container(const struct native *native, struct native_event *event)
{
	cleanup_free struct upcall_container *container = calloc(1, sizeof(*container));
	uint64_t id = event->tags.container;

	event->container[0] = '\0';
	if (!id)
		return;
	snprintf(event->container, sizeof(event->container), "#%llu", (unsigned long long)id);
	if (!container)
		return;
	container->id = id - 1;
	if (ioctl(native->device, UPCALL_IOC_CONTAINER_NEXT, container) == 0 && container->id == id)
		snprintf(event->container, sizeof(event->container), "%.*s",
			 (int)sizeof(container->name) - 1, container->name);
}

static void print_event(struct native *native, struct native_event *event)
{
	uint32_t lost = event->tags.lost - native->lost;

	/* two that were decided at once may come in either order: then it is not more */
	if (lost && lost < UINT32_MAX / 2) {
		native_print_lost(native->options, event->at, lost);
		native->lost = event->tags.lost;
	}
	name_container(native, event);
	native_print(native->options, event);
}

/* -EBADMSG: it makes no sense. */
static int take_message(struct native *native, struct nlmsghdr *header)
{
	struct native_event event = { .at = now_usec() };
	const struct genlmsghdr *genl;
	int r;

	if (header->nlmsg_type < NLMSG_MIN_TYPE || !genlmsg_valid_hdr(header, 0))
		return -EBADMSG;
	genl = genlmsg_hdr(header);
	/* a newer module may have more to say */
	if (genl->cmd != UPCALL_CMD_DECIDED)
		return 0;
	r = tags_parse(genlmsg_attrdata(genl, 0), (size_t)genlmsg_attrlen(genl, 0), &event.tags);
	if (r >= 0)
		print_event(native, &event);
	return r;
}

static int take_datagram(struct native *native, size_t size)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)buffer;
	int left = (int)size, r = 0;

	for (; nlmsg_ok(header, left) && r >= 0; header = nlmsg_next(header, &left))
		r = take_message(native, header);
	return r;
}

/* One datagram. ENOBUFS is no failure: the kernel had to leave some out. */
static int receive(struct native *native)
{
	struct sockaddr_nl sender = { 0 };
	struct iovec iov = { buffer, sizeof(buffer) };
	struct msghdr message = {
		.msg_name = &sender,
		.msg_namelen = sizeof(sender),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t size = recvmsg(native->socket, &message, 0);

	if (size < 0 && errno == ENOBUFS)
		native_print_lost(native->options, now_usec(), 0);
	else if (size < 0)
		return errno == EINTR ? 0 : -errno;
	else if (message.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	else if (sender.nl_family == AF_NETLINK && sender.nl_pid == 0)
		return take_datagram(native, (size_t)size);
	return 0;
}

int native_monitor(const struct verb *verb, const struct native_options *options)
{
	struct native native = { .verb = verb, .options = options, .device = -1, .socket = -1 };
	int r = 0, status = start(&native);

	if (status < 0) {
		native_print_heading(options);
		status = finish_output(verb);
	}
	while (status == STATUS_OK) {
		r = receive(&native);
		/* somebody waits for each line, also behind a pipe */
		status = r < 0 ? failed(verb, r, "--native: cannot receive") : finish_output(verb);
	}
	close_keep_errno(native.socket);
	close_keep_errno(native.device);
	return status;
}
