// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What waits for quota and has ended
 *
 * The kernel ends an upcall whose requester was killed, or has waited too long,
 * and tells nobody. One that waits is not looked at until its turn comes, which
 * slow handlers may put off for minutes: until then its place would be taken,
 * it would be listed as pending, and keep the daemon from being idle.
 */
#include "clock.h"
#include "queue.h"
#include "shim.h"

#define SWEEP_SECONDS .5
/* Whoever has all places taken and asks for more does not make us list without end. */
#define REST_SECONDS .1
#define LIST_ROOM    128

/* Mark what is still offered as it is known. -errno: it could not be told. */
static int mark_offered(struct queue *queue)
{
	struct upcall_list_entry entries[LIST_ROOM];
	struct upcall *upcall;
	uint64_t after = 0;
	int count;

	queue->sweeps++;
	do {
		count = shim_list(queue->shim_fd, after, entries, LIST_ROOM);
		for (int i = 0; i < count; i++) {
			after = entries[i].id;
			upcall = queue_find(queue, after);
			if (upcall && entries[i].state == UPCALL_STATE_OFFERED &&
			    entries[i].generation == upcall->facts.generation)
				upcall->sweep = queue->sweeps;
		}
	} while (count == LIST_ROOM);
	return count < 0 ? count : 0;
}

void queue_sweep(struct queue *queue)
{
	const struct ending gone = { .result = RECORD_GONE };
	struct upcall *upcall, *after;
	struct lane *lane;

	if (queue->swept_at > 0. && clock_since(queue->swept_at) < REST_SECONDS)
		return;
	queue->swept_at = clock_now();
	if (mark_offered(queue) < 0)
		return;
	/* no lane goes with it: where something waits, something else is active */
	list_for_each_entry(lane, &queue->lanes, link)
		list_for_each_entry_safe(upcall, after, &lane->waiting, link)
			if (upcall->sweep != queue->sweeps)
				lane_end(upcall, &gone);
}

static bool anybody_waits(const struct queue *queue)
{
	const struct lane *lane;

	list_for_each_entry(lane, &queue->lanes, link)
		if (lane->waiting_count)
			return true;
	return false;
}

static void sweep_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct queue *queue = container_of(timer, struct queue, sweep_timer);

	queue_sweep(queue);
	if (!anybody_waits(queue))
		ev_timer_stop(loop, timer);
}

void queue_sweep_init(struct queue *queue)
{
	ev_timer_init(&queue->sweep_timer, sweep_tick, 0., SWEEP_SECONDS);
}

void queue_sweep_later(struct queue *queue)
{
	if (!ev_is_active(&queue->sweep_timer))
		ev_timer_again(queue->loop, &queue->sweep_timer);
}

void queue_sweep_stop(struct queue *queue)
{
	ev_timer_stop(queue->loop, &queue->sweep_timer);
}
