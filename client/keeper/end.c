// SPDX-License-Identifier: GPL-2.0-or-later
/* Nobody holds the container's fd any more. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "cgroup-events.h"
#include "cleanup.h"
#include "keeper/container.h"
#include "libupcall-container.h"

/* The second in which a kill is looked at again: who was moved in meanwhile got none. */
#define AGAIN_MS 1000
#define PAUSE_MS 50

static void kill_all(struct keeper *keeper)
{
	/* also of a pid namespace's processes that were moved out of the cgroup */
	if (keeper->first >= 0)
		(void)pidfd_send_signal(keeper->first, SIGKILL, NULL, 0);
	if (keeper->cgroup >= 0)
		(void)!write(keeper->cgroup_kill, "1", 1);
}

/* 0: nothing is in it, or it is no more; or it is empty and cannot be removed by us. */
static int end_cgroup(struct keeper *keeper, int timeout)
{
	int r;

	r = cgroup_file_wait(keeper->cgroup_events, "populated", false, deadline_in(timeout));
	if (r < 0)
		return r;
	return cgroup_remove(keeper) == -EBUSY ? -EBUSY : 0;
}

/*
 * RACE: who is making the first process may not be in the cgroup yet when it is killed. So
 * ours counts as empty only when it could be removed: nobody can come into it then. Whoever
 * comes later is refused by the kernel, and by us, whose conversation is closed.
 */
void keeper_end(struct keeper *keeper)
{
	bool kills = keeper->flags & UPCALL_CONTAINER_KILL_ON_CLOSE;
	int r = -EBUSY;

	keeper->starting = close_keep_errno(keeper->starting);
	for (size_t i = 0; i < KEEPER_MOUNTS; i++)
		if (keeper->mounts[i].pidfd >= 0)
			(void)pidfd_send_signal(keeper->mounts[i].pidfd, SIGKILL, NULL, 0);
	while (r < 0) {
		if (kills)
			kill_all(keeper);
		if (keeper->cgroup < 0 || (!kills && keeper->cgroup_parent < 0))
			return;
		/* whatever it is that fails, for want of memory perhaps, it is tried again */
		r = end_cgroup(keeper, kills ? AGAIN_MS : -1);
		if (r < 0)
			(void)poll(NULL, 0, PAUSE_MS);
	}
}
