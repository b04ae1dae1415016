// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "control.h"
#include "daemon.h"
#include "peer.h"
#include "priority.h"

#define PAUSE_SECONDS 1.

static bool has_place(const struct control *control, uid_t uid)
{
	unsigned int same = 0, others = 0;
	struct control_link *link;

	list_for_each_entry(link, &control->links, link) {
		same += link->uid == uid;
		others += link->uid != 0;
	}
	if (control->count >= CONTROL_MAX || same >= CONTROL_MAX_USER)
		return false;
	return uid == 0 || others < CONTROL_MAX_OTHERS;
}

/* Too few fds, or too little memory: whoever is in the backlog stays there for a second. */
static void pause_accepting(struct control *control)
{
	ev_io_stop(control->loop, &control->io);
	ev_timer_stop(control->loop, &control->pause);
	ev_timer_set(&control->pause, PAUSE_SECONDS, 0.);
	ev_timer_start(control->loop, &control->pause);
}

static void pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct control *control = container_of(timer, struct control, pause);

	ev_io_start(loop, &control->io);
}

static void admit(struct control *control, int fd)
{
	uid_t uid;

	if (peer_uid(fd, &uid) < 0 || !has_place(control, uid)) {
		close_keep_errno(fd);
		return;
	}
	/* its peer may have closed it already; whoever else is refused sees it */
	(void)control_link_new(control, fd, uid);
}

static void acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct control *control = container_of(io, struct control, io);
	int fd;

	/* cppcheck-suppress nullPointer ; accept4() needs no address to fill */
	fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		control->accepted++;
		admit(control, fd);
		return;
	}
	if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		pause_accepting(control);
}

void control_start(struct control *control, struct daemon *daemon, int fd)
{
	*control = (struct control){ .daemon = daemon, .loop = daemon->loop, .fd = fd };
	list_init(&control->links);
	ev_timer_init(&control->pause, pause_over, PAUSE_SECONDS, 0.);
	ev_io_init(&control->io, acceptable, fd, EV_READ);
	ev_set_priority(&control->io, PRIORITY_CONTROL);
	ev_io_start(control->loop, &control->io);
}

void control_stop(struct control *control)
{
	if (!control->loop)
		return;
	ev_io_stop(control->loop, &control->io);
	ev_timer_stop(control->loop, &control->pause);
}

void control_close(struct control *control)
{
	struct control_link *link, *after;

	if (!control->loop)
		return;
	control_stop(control);
	list_for_each_entry_safe(link, after, &control->links, link)
		control_link_free(link);
	control->loop = NULL;
}
