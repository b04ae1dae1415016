// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "lane.h"
#include "policy.h"
#include "queue.h"
#include "shim.h"
#include "visit.h"

/* --------------------------------------------------------------- endings */

void lane_take_out(struct upcall *upcall)
{
	struct lane *lane = upcall->lane;

	list_unlink(&upcall->link);
	ev_timer_stop(lane->queue->loop, &upcall->looks);
	if (upcall->phase == UPCALL_WAITING)
		lane->waiting_count--;
	else
		lane->active_count--;
	upcall->fd = close_keep_errno(upcall->fd);
}

void lane_end(struct upcall *upcall, const struct ending *ending)
{
	lane_take_out(upcall);
	queue_end(upcall->lane->queue, upcall, ending);
}

void lane_forget(struct upcall *upcall)
{
	lane_take_out(upcall);
	queue_forget(upcall->lane->queue, upcall);
}

void lane_refuse(struct upcall *upcall, int requester_error, const char *reason, int error)
{
	struct ending ending = { .result = RECORD_REFUSED, .reason = reason, .error = error };
	int ret;

	if (upcall->phase == UPCALL_CLAIMED)
		ret = shim_complete(upcall->fd, requester_error);
	else
		ret = shim_deny(upcall->lane->queue->shim_fd, upcall->facts.id,
				upcall->facts.generation, requester_error);
	if (ret == -ESTALE || ret == -ENOENT)
		ending.result = RECORD_GONE;
	lane_end(upcall, &ending);
}

/* Another container of this name, or what is left of one, has the same worker or will have. */
static bool has_namesake(const struct queue *queue, const char *name, const struct lane *lane,
			 const struct container *container)
{
	const struct container *registered = registry_by_name(queue->registry, name);
	const struct lane *other;

	list_for_each_entry(other, &queue->lanes, link)
		if (other != lane && !strcmp(other->name, name))
			return true;
	return registered && registered != container;
}

void lane_stop_worker(struct queue *queue, const char *name, const struct lane *lane,
		      const struct container *container)
{
	if (!has_namesake(queue, name, lane, container))
		queue->launcher->vtable->stop(queue->launcher, name);
}

/*
 * Lane and worker have nothing more to do with each other. `gone` is the
 * container, if it goes just now and the registry still has it.
 */
static void lane_release(struct lane *lane, const struct container *gone)
{
	if (lane->active_count || lane->waiting_count || lane->launch || !list_empty(&lane->visits))
		return;
	if (lane->container &&
	    (worker_link_is_open(&lane->worker) || lane->failures || clock_now() < lane->retry_at))
		return; /* warm, or remembered as broken */
	if (!lane->container)
		lane_stop_worker(lane->queue, lane->name, lane, gone);
	lane_free(lane);
}

/* ------------------------------------------------------------------ quota */

/*
 * Each depth for itself: a handler that waits for an upcall of its own would
 * else hold the very place that this waits for.
 */
static bool same_quota(const struct upcall *a, const struct upcall *b)
{
	return a->facts.depth == b->facts.depth && rule_same_quota(a->rule, b->rule);
}

static bool has_room(const struct lane *lane, const struct upcall *next)
{
	unsigned int running = 0;
	struct upcall *upcall;

	/* what the kernel has taken back runs no more, whether its worker says so or not */
	list_for_each_entry(upcall, &lane->active, link)
		running += !upcall->superseded && same_quota(upcall, next);
	return running < next->rule->max_concurrent;
}

static void activate(struct lane *lane, struct upcall *upcall)
{
	upcall->phase = UPCALL_STARTING;
	list_append(&lane->active, &upcall->link);
	lane->active_count++;
}

/* Returns true if it let anybody in. */
static bool admit_waiting(struct lane *lane)
{
	struct upcall *upcall, *after;
	bool any = false;

	list_for_each_entry_safe(upcall, after, &lane->waiting, link) {
		if (!has_room(lane, upcall))
			continue;
		list_unlink(&upcall->link);
		lane->waiting_count--;
		activate(lane, upcall);
		any = true;
	}
	return any;
}

void lane_fill(struct lane *lane)
{
	(void)admit_waiting(lane);
	do {
		if (lane_has_unhanded(lane))
			lane_pump(lane);
		/* what was refused at once, or has gone, has made room again */
	} while (admit_waiting(lane));
	lane_release(lane, NULL);
}

void lane_offer(struct lane *lane, struct upcall *upcall)
{
	upcall->lane = lane;
	if (has_room(lane, upcall)) {
		activate(lane, upcall);
		lane_fill(lane);
		return;
	}
	if (lane->waiting_count >= LANE_WAITING_MAX)
		queue_sweep(lane->queue);
	upcall->phase = UPCALL_WAITING;
	list_append(&lane->waiting, &upcall->link);
	lane->waiting_count++;
	/* a core that waits holds one of the machine's few slots for dumps */
	if (upcall->facts.class == UPCALL_CLASS_CORE)
		lane_refuse(upcall, EDQUOT, "over MaxConcurrent=, and core dumps do not wait",
			    EDQUOT);
	else if (lane->waiting_count > LANE_WAITING_MAX)
		lane_refuse(upcall, EDQUOT, "too many wait already", EDQUOT);
	else
		queue_sweep_later(lane->queue);
}

/* ------------------------------------------------------------------- life */

struct lane *lane_of(struct queue *queue, struct container *container)
{
	struct lane *lane = container->lane;

	if (lane)
		return lane;
	lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->queue = queue;
	lane->container = container;
	container->lane = lane;
	memcpy(lane->name, container->name, sizeof(lane->name));
	list_init(&lane->waiting);
	list_init(&lane->active);
	list_init(&lane->visits);
	list_append(&queue->lanes, &lane->link);
	lane_hand_init(lane);
	return lane;
}

void lane_detach(struct lane *lane, bool unregistered)
{
	struct container *container = lane->container;
	struct upcall *upcall, *after;
	const char *reason = unregistered ? "its container was unregistered" :
					    "the container's leader has gone";

	if (lane->launch)
		lane->queue->launcher->vtable->cancel(lane->launch);
	lane->launch = NULL;
	visits_refuse(lane, reason, 0);
	list_for_each_entry_safe(upcall, after, &lane->waiting, link)
		lane_refuse(upcall, EKEYREJECTED, reason, 0);
	list_for_each_entry_safe(upcall, after, &lane->active, link)
		if (!upcall_is_handed(upcall))
			lane_refuse(upcall, EKEYREJECTED, reason, 0);
	container->lane = NULL;
	lane->container = NULL;
	if (unregistered && lane->active_count)
		lane->queue->launcher->vtable->stop(lane->queue->launcher, lane->name);
	lane_release(lane, container);
}

void lane_free(struct lane *lane)
{
	struct upcall *upcall, *after;
	const struct ending lost = {
		.result = RECORD_LOST,
		.reason = "upcalld ended before its handler did",
	};

	if (lane->launch)
		lane->queue->launcher->vtable->cancel(lane->launch);
	visits_refuse(lane, "upcalld ends", 0);
	list_for_each_entry_safe(upcall, after, &lane->waiting, link)
		lane_forget(upcall);
	list_for_each_entry_safe(upcall, after, &lane->active, link) {
		if (upcall_is_handed(upcall))
			lane_end(upcall, &lost);
		else
			lane_forget(upcall);
	}
	worker_link_close(&lane->worker);
	if (lane->container)
		lane->container->lane = NULL;
	list_unlink(&lane->link);
	free(lane);
}
