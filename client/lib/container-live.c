// SPDX-License-Identifier: LGPL-2.1-or-later
/* A container that lives: stand still, move on, end. */
#include <errno.h>
#include <poll.h>

#include "cgroup-events.h"
#include "keeper-ask.h"
#include "libupcall-container.h"
#include "owned.h"

UPCALL_EXPORT int upcall_container_pidfd(int fd)
{
	owned_watched struct watched watched = { -1, -1, "" };
	int r = keeper_watch(fd, &watched);

	if (r < 0)
		return r;
	return watched.first < 0 ? -ECHILD : owned_fd_give(&watched.first);
}

UPCALL_EXPORT int upcall_container_cgroup(int fd)
{
	owned_watched struct watched watched = { -1, -1, "" };
	int r = keeper_watch(fd, &watched);

	if (r < 0)
		return r;
	return watched.cgroup < 0 ? -EOPNOTSUPP : owned_fd_give(&watched.cgroup);
}

static int freeze(int fd, bool still, int timeout)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FREEZE, { still } };
	int64_t deadline = deadline_in(timeout);
	owned_watched struct watched watched = { -1, -1, "" };
	int r;

	r = keeper_ask_watch(fd, &request, &watched);
	if (r < 0)
		return r;
	return cgroup_event_wait(watched.cgroup, "frozen", still, deadline);
}

UPCALL_EXPORT int upcall_container_freeze(int fd, int timeout)
{
	return freeze(fd, true, timeout);
}

UPCALL_EXPORT int upcall_container_thaw(int fd, int timeout)
{
	return freeze(fd, false, timeout);
}

static int process_wait(int pidfd, int64_t deadline)
{
	struct pollfd poller = { .fd = pidfd, .events = POLLIN };
	int r;

	while ((r = poll(&poller, 1, deadline_left(deadline))) < 0)
		if (errno != EINTR)
			return -errno;
	return r ? 0 : -ETIMEDOUT;
}

/*
 * Without a cgroup, only a pid namespace of its own ends with its first process. A zombie is
 * none that lives, and counts in no cgroup either.
 */
UPCALL_EXPORT int upcall_container_wait(int fd, int timeout)
{
	int64_t deadline = deadline_in(timeout);
	owned_watched struct watched watched = { -1, -1, "" };
	int r;

	r = keeper_watch(fd, &watched);
	if (r < 0)
		return r;
	if (watched.first < 0)
		return -ECHILD;
	if (watched.cgroup >= 0)
		return cgroup_event_wait(watched.cgroup, "populated", false, deadline);
	return process_wait(watched.first, deadline);
}
