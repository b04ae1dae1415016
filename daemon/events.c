// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "events.h"
#include "journal.h"
#include "list.h"
#include "priority.h"

static bool type_fits(struct events *events, const struct nlmsghdr *header)
{
	if (header->nlmsg_type < NLMSG_MIN_TYPE)
		return false;
	if (!events->type)
		events->type = header->nlmsg_type;
	return header->nlmsg_type == events->type;
}

static int parse_message(struct events *events, struct nlmsghdr *header, struct tags *tags)
{
	const struct genlmsghdr *genl;

	if (!genlmsg_valid_hdr(header, 0))
		return -EBADMSG;
	genl = genlmsg_hdr(header);
	if (genl->cmd != UPCALL_CMD_OFFERED || !type_fits(events, header))
		return -EBADMSG;
	return tags_parse(genlmsg_attrdata(genl, 0), (size_t)genlmsg_attrlen(genl, 0), tags);
}

void events_parse(struct events *events, const void *data, size_t size)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(uintptr_t)data;
	int left = size > INT_MAX ? 0 : (int)size;
	struct tags tags;

	if (!nlmsg_ok(header, left))
		events->malformed++;
	for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		if (parse_message(events, header, &tags) < 0)
			events->malformed++;
		else
			events->reader->event(events->reader, &tags);
	}
}

static void lost(struct events *events, uint64_t *counter, const char *what)
{
	/* once is enough to know; the count is in the status */
	if (!(*counter)++)
		journal_log(LOG_WARNING, "%s; asking the kernel for its list", what);
	events->reader->lost(events->reader);
}

static void receive_failed(struct events *events, int error)
{
	if (error == ENOBUFS)
		lost(events, &events->enobufs, "Events were lost: the receive buffer was full");
	else if (error != EAGAIN && error != EINTR)
		lost(events, &events->malformed, "Receiving events failed");
}

/*
 * ATTACK: whoever has CAP_NET_ADMIN in the network namespace can send here without
 * end, so that events find no room and the loop nothing else to do. The kernel, port
 * 0, is the only one that a socket connected to it hears. It is not so from the
 * beginning, because who sends is worth knowing. The socket stays so in PID 1.
 */
static void foreign_came(struct events *events)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (++events->bad_sender != EVENTS_FOREIGN_MAX)
		return;
	if (connect(events->fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		journal_log(LOG_WARNING,
			    "Cannot keep messages of others from the socket for events: %s",
			    strerror(errno));
	else
		journal_log(
			LOG_WARNING,
			"%d messages on the socket for events were not the kernel's; no more are taken",
			EVENTS_FOREIGN_MAX);
}

/* One datagram a turn: a second recvmsg() would only say that there is none. */
static void readable(struct watch *watch)
{
	struct events *events = container_of(watch, struct events, watch);
	struct sockaddr_nl sender = { 0 };
	struct iovec iov = { events->buffer, EVENTS_BUFFER_SIZE };
	struct msghdr message = {
		.msg_name = &sender,
		.msg_namelen = sizeof(sender),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t size;

	size = recvmsg(events->fd, &message, MSG_DONTWAIT);
	if (size < 0)
		receive_failed(events, errno);
	else if (message.msg_namelen != sizeof(sender) || sender.nl_family != AF_NETLINK ||
		 sender.nl_pid != 0)
		foreign_came(events);
	else if (message.msg_flags & MSG_TRUNC)
		lost(events, &events->truncated, "An event was too long");
	else
		events_parse(events, events->buffer, (size_t)size);
	events->reader->done(events->reader);
}

int events_start(struct events *events, struct ev_loop *loop, struct events_reader *reader, int fd)
{
	int size = EVENTS_RECEIVE_BUFFER, have = 0;
	socklen_t length = sizeof(have);

	*events = (struct events){ .loop = loop, .reader = reader, .fd = fd };
	events->buffer = malloc(EVENTS_BUFFER_SIZE);
	if (!events->buffer)
		return -ENOMEM;
	/* the kernel doubles what is asked for; PID 1 may have asked for more */
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &have, &length) < 0 || have < 2 * size)
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
			journal_log(LOG_WARNING,
				    "Cannot enlarge the receive buffer for events, ignoring: %s",
				    strerror(errno));
	watch_init(&events->watch, loop, "the socket for events", readable, PRIORITY_EVENTS);
	watch_start(&events->watch, fd, EV_READ);
	return 0;
}

void events_stop(struct events *events)
{
	if (events->buffer)
		watch_stop(&events->watch);
	free(events->buffer);
	events->buffer = NULL;
}
