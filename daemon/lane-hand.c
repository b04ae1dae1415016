// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the quota to the worker: start it, check the leader, claim, send
 *
 * ORDER: the claim comes last. What is not claimed is the kernel's, and its
 * longer deadline covers a worker that PID 1 has to start first.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "hardening.h"
#include "journal.h"
#include "lane.h"
#include "policy.h"
#include "queue.h"
#include "shim.h"
#include "visit.h"

/* ---------------------------------------------------------------- handing */

static void make_request(const struct upcall *upcall, struct worker_request *request)
{
	memset(request, 0, sizeof(*request));
	request->protocol = WORKER_PROTOCOL;
	request->class = upcall->facts.class;
	request->id = upcall->facts.id;
	container_to_request(upcall->lane->container, request);
	rule_to_request(upcall->rule, request);
}

/* No repeating timer: libev makes up for a late one with another at once. */
static void look_later(struct upcall *upcall)
{
	struct ev_loop *loop = upcall->lane->queue->loop;

	ev_timer_stop(loop, &upcall->looks);
	ev_timer_set(&upcall->looks, LANE_LOOK_SECONDS, 0.);
	ev_timer_start(loop, &upcall->looks);
	upcall->looked_at = clock_now();
}

static bool look_was_late(const struct upcall *upcall)
{
	return has_stood((int64_t)((upcall->looked_at + LANE_LOOK_SECONDS) * 1000),
			 (int64_t)(clock_now() * 1000));
}

static unsigned int looks_for(const struct upcall *upcall)
{
	double seconds = LANE_ATTACH_SECONDS + upcall->rule->run_sec + LANE_CLEANUP_SECONDS +
			 LANE_SLACK_SECONDS;

	return (unsigned int)(seconds / LANE_LOOK_SECONDS) + 1;
}

static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EINTR;
}

/* Returns a negative errno if the worker is of no use any more. */
static int transmit(struct upcall *upcall)
{
	struct lane *lane = upcall->lane;
	struct worker_fds fds = { upcall->fd, lane->container->pidfd, -1, -1 };
	struct worker_request request;
	int ret;

	make_request(upcall, &request);
	ret = registry_add_filter(lane->container, &request, &fds.filter);
	if (is_shortage(ret)) {
		/* closed, it is offered again */
		upcall->fd = close_keep_errno(upcall->fd);
		lane_forget(upcall);
		return 0;
	}
	if (ret < 0) {
		lane_refuse(upcall, ENOKEY, "the container's seccomp filter cannot be read", -ret);
		return 0;
	}
	ret = worker_link_send(&lane->worker, &request, &fds);
	close_keep_errno(fds.filter);
	if (ret == -EAGAIN)
		return 0;
	if (ret < 0)
		return ret;
	upcall->fd = close_keep_errno(upcall->fd);
	upcall->phase = UPCALL_HANDED;
	upcall->looks_left = looks_for(upcall);
	look_later(upcall);
	upcall->handed_at = clock_now();
	return 0;
}

/* True: the upcall is ours. False: it has ended. */
static bool claim(struct upcall *upcall)
{
	struct lane *lane = upcall->lane;
	const struct ending gone = { .result = RECORD_GONE };
	int fd;

	fd = shim_claim(lane->queue->shim_fd, upcall->facts.id, upcall->facts.generation,
			upcall->rule->run_sec * 1000 + LANE_RUN_SLACK_MS);
	if (fd >= 0) {
		upcall->fd = fd;
		upcall->phase = UPCALL_CLAIMED;
		return true;
	}
	if (is_shortage(fd))
		lane_forget(upcall); /* the device will bring it again */
	else if (fd == -ESTALE || fd == -ENOENT)
		lane_end(upcall, &gone);
	else
		lane_refuse(upcall, ENOKEY, "it could not be claimed", -fd);
	return false;
}

/* The leader is compared on every use: a live one may have moved. */
static bool leader_fits(struct upcall *upcall)
{
	struct container *container = upcall->lane->container;
	int ret = container_check_leader(container, upcall->lane->queue->shim_fd);

	if (ret >= 0)
		return true;
	if (ret == -ESRCH) {
		registry_leader_moved(container);
		lane_refuse(upcall, EKEYREJECTED, "the container's leader has gone", 0);
	} else {
		lane_refuse(upcall, ENOKEY, "the container's leader could not be checked", -ret);
	}
	return false;
}

static int hand(struct upcall *upcall)
{
	if (upcall->phase == UPCALL_STARTING && (!leader_fits(upcall) || !claim(upcall)))
		return 0;
	return transmit(upcall);
}

/* ----------------------------------------------------------------- worker */

static void refuse_unhanded_because(struct lane *lane, const char *reason, int error)
{
	struct upcall *upcall, *after;

	visits_refuse(lane, reason, error);
	list_for_each_entry_safe(upcall, after, &lane->active, link)
		if (!upcall_is_handed(upcall))
			lane_refuse(upcall, ENOKEY, reason, error);
}

static void refuse_unhanded(struct lane *lane, int error)
{
	refuse_unhanded_because(lane, "its worker cannot be started", -error);
}

static void set_retry(struct lane *lane)
{
	unsigned int doublings = lane->failures > LANE_FAILURES ? lane->failures - LANE_FAILURES :
								  0;

	if (doublings > LANE_RETRY_DOUBLINGS)
		doublings = LANE_RETRY_DOUBLINGS;
	lane->retry_at = clock_now() + LANE_RETRY_SECONDS * (1U << doublings);
}

static void count_failure(struct lane *lane)
{
	if (++lane->failures < LANE_FAILURES)
		return;
	/* one of an older package would live on by being asked: only a new one can serve */
	if (lane->failures == LANE_FAILURES && lane->container)
		lane->queue->launcher->vtable->stop(lane->queue->launcher, lane->name);
	set_retry(lane);
}

static void lose_handed(struct lane *lane)
{
	struct upcall *upcall, *after;
	bool any = false;

	list_for_each_entry_safe(upcall, after, &lane->active, link) {
		if (!upcall_is_handed(upcall))
			continue;
		any = true;
		if (upcall->cancelled) {
			lane_end(upcall, &queue_cancelled);
			continue;
		}
		lane_take_out(upcall);
		queue_lost(lane->queue, upcall);
	}
	if (any)
		count_failure(lane);
}

static void worker_failed(struct lane *lane)
{
	worker_link_close(&lane->worker);
	lose_handed(lane);
}

/* Behind others that the worker may be busy with, for as long as they may run. */
static bool is_behind(const struct upcall *upcall)
{
	const struct lane *lane = upcall->lane;
	unsigned int before = 0;
	struct upcall *other;

	list_for_each_entry(other, &lane->active, link) {
		if (other == upcall)
			break;
		before += upcall_is_handed(other);
	}
	return before >= LANE_WORKER_ROOM;
}

/*
 * The worker never accepted, hangs, or is stopped: connect(2) and send(2) tell
 * nothing of that. Whoever has had the fds of an upcall so long is of no use.
 */
static void overdue(struct upcall *upcall)
{
	struct lane *lane = upcall->lane;

	journal_log(LOG_ERR,
		    "Container %s: its worker does not say how upcall %llu ended; stopping it",
		    lane->name, (unsigned long long)upcall->facts.id);
	worker_failed(lane);
	if (lane->container)
		lane->queue->launcher->vtable->stop(lane->queue->launcher, lane->name);
	set_retry(lane);
	lane_fill(lane); /* which stops that of a container that has gone */
}

static void look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct upcall *upcall = container_of(timer, struct upcall, looks);

	if (is_behind(upcall))
		upcall->looks_left = looks_for(upcall);
	else if (!look_was_late(upcall))
		upcall->looks_left--;
	if (upcall->looks_left == 0)
		overdue(upcall);
	else
		look_later(upcall);
}

void lane_hand_prepare(struct upcall *upcall)
{
	upcall->fd = -1;
	ev_timer_init(&upcall->looks, look, LANE_LOOK_SECONDS, 0.);
}

static void start_worker(struct lane *lane)
{
	const char *refusal;
	int ret;

	if (lane->launch)
		return;
	refusal = hardening_refusal();
	if (refusal) {
		refuse_unhanded_because(lane, refusal, 0);
		return;
	}
	if (clock_now() < lane->retry_at) {
		refuse_unhanded(lane, -EAGAIN);
		return;
	}
	ret = lane->queue->launcher->vtable->start(lane->queue->launcher, lane->name,
						   &lane->launch_client, &lane->launch);
	if (ret == -EINPROGRESS)
		return;
	if (ret >= 0) {
		worker_link_open(&lane->worker, ret);
		return;
	}
	lane->retry_at = clock_now() + LANE_RETRY_SECONDS;
	refuse_unhanded(lane, ret);
}

/* Returns a negative errno if the worker is of no use any more. */
static int hand_all(struct lane *lane)
{
	struct upcall *upcall, *after;
	int ret = 0;

	list_for_each_entry_safe(upcall, after, &lane->active, link) {
		if (!upcall_is_handed(upcall))
			ret = hand(upcall);
		if (ret < 0)
			return ret;
	}
	return visits_hand(lane);
}

/*
 * Hand on what only waits for a worker; twice, because an idle one may just have
 * ended. What was claimed for that one goes to the next.
 */
void lane_pump(struct lane *lane)
{
	int ret = 0;

	for (int i = 0; i < 2; i++) {
		if (!worker_link_is_open(&lane->worker))
			start_worker(lane);
		if (!worker_link_is_open(&lane->worker))
			return;
		ret = hand_all(lane);
		if (ret >= 0)
			return;
		worker_failed(lane);
	}
	refuse_unhanded(lane, ret);
}

static void launched(struct launch_client *client, int fd)
{
	struct lane *lane = container_of(client, struct lane, launch_client);

	lane->launch = NULL;
	if (fd >= 0) {
		worker_link_open(&lane->worker, fd);
	} else {
		journal_log(LOG_ERR, "Container %s: its worker cannot be started: %s", lane->name,
			    strerror(-fd));
		lane->retry_at = clock_now() + LANE_RETRY_SECONDS;
		refuse_unhanded(lane, fd);
	}
	lane_fill(lane);
}

bool lane_has_unhanded(const struct lane *lane)
{
	struct upcall *upcall;

	list_for_each_entry(upcall, &lane->active, link)
		if (!upcall_is_handed(upcall))
			return true;
	return !list_empty(&lane->visits);
}

static struct upcall *find_handed(struct lane *lane, uint64_t id)
{
	struct upcall *upcall;

	/* the oldest first: of a superseded one and its successor the former is meant */
	list_for_each_entry(upcall, &lane->active, link)
		if (upcall->phase == UPCALL_HANDED && upcall->facts.id == id)
			return upcall;
	return NULL;
}

static void worker_result(struct worker_link_client *client, const struct worker_result *result)
{
	struct lane *lane = container_of(client, struct lane, worker_client);
	struct upcall *upcall = find_handed(lane, result->id);
	const struct ending ending = {
		.result = record_result_of(result->outcome),
		.step = result->step,
		.error = result->error,
		.wait_status = result->wait_status,
	};

	lane->failures = 0;
	if (upcall)
		lane_end(upcall, upcall->cancelled ? &queue_cancelled : &ending);
	lane_fill(lane);
}

static void worker_writable(struct worker_link_client *client)
{
	lane_fill(container_of(client, struct lane, worker_client));
}

static void worker_closed(struct worker_link_client *client)
{
	struct lane *lane = container_of(client, struct lane, worker_client);

	lose_handed(lane);
	lane_fill(lane);
}

void lane_hand_init(struct lane *lane)
{
	lane->launch_client.done = launched;
	lane->worker_client = (struct worker_link_client){
		.result = worker_result,
		.writable = worker_writable,
		.closed = worker_closed,
	};
	worker_link_init(&lane->worker, lane->queue->loop, &lane->worker_client);
}
