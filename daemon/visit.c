// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "journal.h"
#include "lane.h"
#include "queue.h"
#include "shim.h"
#include "visit.h"

/* Upcalls are numbered from 1 on: these are never taken for one. */
#define ID_BIT (UINT64_C(1) << 63)

int visit_draw_id(struct visit *visit)
{
	if (getrandom(&visit->id, sizeof(visit->id), GRND_INSECURE) != sizeof(visit->id))
		return -EIO;
	visit->id |= ID_BIT;
	return 0;
}

static void end(struct visit *visit, const struct failure *failure)
{
	list_unlink(&visit->link);
	visit->done(visit, failure);
}

static void refuse(const struct lane *lane, struct visit *visit, const char *kind,
		   const char *reason, int error)
{
	struct failure failure;

	failure_set(&failure, 0, kind, "container %s: %s%s%s", lane->name, reason,
		    error ? ": " : "", error ? strerror(error) : "");
	end(visit, &failure);
}

void visits_refuse(struct lane *lane, const char *reason, int error)
{
	struct visit *visit, *after;

	list_for_each_entry_safe(visit, after, &lane->visits, link)
		refuse(lane, visit, "Failed", reason, error);
}

/* As for an upcall: a live leader may have moved. */
static bool leader_fits(const struct lane *lane, struct visit *visit)
{
	int ret = container_check_leader(lane->container, lane->queue->shim_fd);

	if (ret >= 0)
		return true;
	if (ret == -ESRCH)
		registry_leader_moved(lane->container);
	if (ret == -ESRCH)
		refuse(lane, visit, "NoSuchContainer", "its leader has gone", 0);
	else
		refuse(lane, visit, "Failed", "its leader could not be checked", -ret);
	return false;
}

/* 0: the worker has it. 1: it has ended. Negative: it still waits. */
static int send_request(struct lane *lane, struct visit *visit, int witness)
{
	struct worker_fds fds = { witness, lane->container->pidfd, visit->channel, -1 };
	struct worker_request request = {
		.protocol = WORKER_PROTOCOL,
		.class = UPCALL_CLASS_OTHER,
		.id = visit->id,
		.handler = visit->probe ? WORKER_PROBE : WORKER_VISIT,
		.run_in = WORKER_RUN_IN_CONTAINER,
		.run_ms = visit->run_ms,
	};

	int ret;

	container_to_request(lane->container, &request);
	ret = registry_add_filter(lane->container, &request, &fds.filter);
	if (ret < 0) {
		refuse(lane, visit, "Failed", "its seccomp filter cannot be read", -ret);
		return 1;
	}
	ret = worker_link_send(&lane->worker, &request, &fds);
	close_keep_errno(fds.filter);
	return ret;
}

/* Negative: it still waits. */
static int hand(struct lane *lane, struct visit *visit)
{
	cleanup_fd int witness = -1;
	int ret;

	if (!leader_fits(lane, visit))
		return 0;
	witness = shim_witness(lane->queue->shim_fd);
	if (witness == -ENOTTY) {
		refuse(lane, visit, "NoShim",
		       "the kernel module that is loaded is too old for it; load the installed one",
		       0);
		return 0;
	}
	if (witness < 0) {
		refuse(lane, visit, "Failed", "the kernel gives no witness", -take_fd(&witness));
		return 0;
	}
	ret = send_request(lane, visit, witness);
	if (ret != 0)
		return ret < 0 ? ret : 0;
	journal_log(LOG_INFO, "Container %s: an administrator's %s enters it", lane->name,
		    visit->probe ? "test" : "command");
	end(visit, NULL);
	return 0;
}

int visits_hand(struct lane *lane)
{
	struct visit *visit, *after;
	int ret;

	list_for_each_entry_safe(visit, after, &lane->visits, link) {
		ret = hand(lane, visit);
		if (ret < 0)
			return ret == -EAGAIN ? 0 : ret;
	}
	return 0;
}

void lane_visit(struct lane *lane, struct visit *visit)
{
	list_append(&lane->visits, &visit->link);
	lane_fill(lane);
}
