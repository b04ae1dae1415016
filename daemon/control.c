// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "control.h"
#include "daemon.h"
#include "peer.h"
#include "priority.h"

static bool has_place(const struct control *control, uid_t uid)
{
	unsigned int same = 0, others = 0;
	struct control_link *link;

	list_for_each_entry(link, &control->links, link) {
		same += link->uid == uid;
		others += link->uid != 0;
	}
	if (control->count >= CONTROL_MAX)
		return false;
	/* root's are many: each container that begins has one, by its hook */
	return uid == 0 || (same < CONTROL_MAX_USER && others < CONTROL_MAX_OTHERS);
}

static void admit(struct control *control, int fd)
{
	uid_t uid;

	if (peer_uid(fd, &uid) < 0 || !has_place(control, uid)) {
		close_keep_errno(fd);
		return;
	}
	/* its peer may have closed it already; whoever else is refused sees it */
	(void)control_link_new(control, fd, uid, /* relayed= */ false);
}

int control_relay(struct control *control, int fd, uid_t uid)
{
	if (!has_place(control, uid)) {
		close_keep_errno(fd);
		return -EDQUOT;
	}
	return control_link_new(control, fd, uid, /* relayed= */ true);
}

static void acceptable(struct watch *watch)
{
	struct control *control = container_of(watch, struct control, watch);
	int fd;

	/* cppcheck-suppress nullPointer ; accept4() needs no address to fill */
	fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		control->accepted++;
		admit(control, fd);
		return;
	}
	/* too few fds, or too little memory: whoever is in the backlog stays there for a while */
	if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		watch_pause(watch);
}

void control_start(struct control *control, struct daemon *daemon, int fd)
{
	*control = (struct control){ .daemon = daemon, .loop = daemon->loop, .fd = fd };
	list_init(&control->links);
	watch_init(&control->watch, control->loop, "the control socket", acceptable,
		   PRIORITY_CONTROL);
	watch_start(&control->watch, fd, EV_READ);
}

void control_stop(struct control *control)
{
	if (!control->loop)
		return;
	watch_stop(&control->watch);
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
