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
	owned_info struct keeper_info info = { -1, -1, "" };
	int r = keeper_info(fd, &info);

	if (r < 0)
		return r;
	return info.first < 0 ? -ECHILD : owned_fd_give(&info.first);
}

UPCALL_EXPORT int upcall_container_cgroup(int fd)
{
	owned_info struct keeper_info info = { -1, -1, "" };
	int r = keeper_info(fd, &info);

	if (r < 0)
		return r;
	return info.cgroup < 0 ? -EOPNOTSUPP : owned_fd_give(&info.cgroup);
}

static int freeze(int fd, bool still, int timeout)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FREEZE, { still } };
	int64_t deadline = deadline_in(timeout);
	owned_info struct keeper_info info = { -1, -1, "" };
	int r;

	r = keeper_ask_info(fd, &request, &info);
	if (r < 0)
		return r;
	return cgroup_event_wait(info.cgroup, "frozen", still, deadline);
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
 * Without a cgroup, only a pid namespace of its own ends with its first process; which may have
 * left the cgroup, wherever it lives. A zombie is none that lives, and counts in no cgroup either.
 */
UPCALL_EXPORT int upcall_container_wait(int fd, int timeout)
{
	int64_t deadline = deadline_in(timeout);
	owned_info struct keeper_info info = { -1, -1, "" };
	int r;

	r = keeper_info(fd, &info);
	if (r < 0)
		return r;
	if (info.first < 0)
		return -ECHILD;
	if (info.cgroup >= 0)
		r = cgroup_event_wait(info.cgroup, "populated", false, deadline);
	return r < 0 ? r : process_wait(info.first, deadline);
}
