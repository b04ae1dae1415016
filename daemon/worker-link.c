// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "journal.h"
#include "list.h"
#include "priority.h"
#include "watch.h"
#include "worker-link.h"

#define AGAIN_SECONDS .05
#define FDS_MAX	      4

static void lose(struct worker_link *link)
{
	worker_link_close(link);
	link->client->closed(link->client);
}

/* Nobody would see its results, nor its end: to us it is as if it had died. */
static void lose_unwatched(struct worker_link *link)
{
	watch_complain("the connection to a worker");
	lose(link);
}

static void readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct worker_link *link = container_of(io, struct worker_link, in);
	struct {
		struct worker_result result;
		char more; /* a longer packet is none of ours */
	} packet;
	ssize_t size;

	if (events & EV_ERROR) {
		lose_unwatched(link);
		return;
	}
	size = recv(link->fd, &packet, sizeof(packet), MSG_DONTWAIT);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size == sizeof(packet.result) && packet.result.protocol == WORKER_PROTOCOL) {
		link->client->result(link->client, &packet.result);
		return;
	}
	if (size > 0)
		journal_log(LOG_ERR,
			    "A worker sent what is no result of version %d; closing its connection",
			    WORKER_PROTOCOL);
	lose(link);
}

static void writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct worker_link *link = container_of(io, struct worker_link, out);

	if (events & EV_ERROR) {
		lose_unwatched(link);
		return;
	}
	ev_io_stop(loop, io);
	link->client->writable(link->client);
}

static void try_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct worker_link *link = container_of(timer, struct worker_link, again);

	link->client->writable(link->client);
}

void worker_link_init(struct worker_link *link, struct ev_loop *loop,
		      struct worker_link_client *client)
{
	*link = (struct worker_link){ .loop = loop, .client = client, .fd = -1 };
}

void worker_link_open(struct worker_link *link, int fd)
{
	worker_link_close(link);
	link->fd = fd;
	ev_io_init(&link->in, readable, fd, EV_READ);
	ev_set_priority(&link->in, PRIORITY_WORKER);
	ev_io_init(&link->out, writable, fd, EV_WRITE);
	ev_timer_init(&link->again, try_again, 0., 0.);
	ev_io_start(link->loop, &link->in);
}

bool worker_link_is_open(const struct worker_link *link)
{
	return link->fd >= 0;
}

void worker_link_close(struct worker_link *link)
{
	if (link->fd < 0)
		return;
	ev_io_stop(link->loop, &link->in);
	ev_io_stop(link->loop, &link->out);
	ev_timer_stop(link->loop, &link->again);
	link->fd = close_keep_errno(link->fd);
}

static size_t pack_fds(const struct worker_fds *fds, int packed[static FDS_MAX])
{
	const int all[FDS_MAX] = { fds->upcall, fds->pidfd, fds->channel, fds->filter };
	size_t count = 0;

	for (size_t i = 0; i < FDS_MAX; i++)
		if (all[i] >= 0)
			packed[count++] = all[i];
	return sizeof(int) * count;
}

int worker_link_send(struct worker_link *link, const struct worker_request *request,
		     const struct worker_fds *fds)
{
	int packed[FDS_MAX];
	const size_t fds_size = pack_fds(fds, packed);
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(packed))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)request, sizeof(*request) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(fds_size),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(fds_size);
	memcpy(CMSG_DATA(cmsg), packed, fds_size);
	if (sendmsg(link->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		return -errno;
	/* no memory: the socket is writable all the time */
	if (errno == ENOBUFS) {
		ev_timer_stop(link->loop, &link->again);
		ev_timer_set(&link->again, AGAIN_SECONDS, 0.);
		ev_timer_start(link->loop, &link->again);
	} else {
		ev_io_start(link->loop, &link->out);
	}
	return -EAGAIN;
}
