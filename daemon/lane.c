// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "journal.h"
#include "lane.h"
#include "policy.h"
#include "queue.h"
#include "shim.h"

static void lane_fill(struct lane *lane);

static struct launcher *launcher_of(const struct lane *lane)
{
	return lane->queue->launcher;
}

static struct ev_loop *loop_of(const struct lane *lane)
{
	return lane->queue->loop;
}

/* --------------------------------------------------------------- endings */

/* Out of the lane; what happens to it is the caller's. */
static void take_out(struct upcall *upcall)
{
	struct lane *lane = upcall->lane;

	list_unlink(&upcall->link);
	if (upcall->phase == UPCALL_WAITING)
		lane->waiting_count--;
	else
		lane->active_count--;
	upcall->fd = close_keep_errno(upcall->fd);
}

static void end(struct upcall *upcall, const struct ending *ending)
{
	take_out(upcall);
	queue_end(upcall->lane->queue, upcall, ending);
}

/* Not ours any more, and no record: the kernel still offers it, or will again. */
static void forget(struct upcall *upcall)
{
	take_out(upcall);
	queue_forget(upcall->lane->queue, upcall);
}

static void refuse(struct upcall *upcall, int requester_error, const char *reason, int error)
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
	end(upcall, &ending);
}

/* Lane and worker have nothing more to do with each other. */
static void lane_release(struct lane *lane)
{
	if (lane->active_count || lane->waiting_count || lane->launch)
		return;
	if (lane->container &&
	    (worker_link_is_open(&lane->worker) || ev_now(loop_of(lane)) < lane->retry_at))
		return; /* warm, or remembered as broken */
	if (!lane->container)
		launcher_of(lane)->vtable->stop(launcher_of(lane), lane->name);
	lane_free(lane);
}

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

/* Returns a negative errno if the worker is of no use any more. */
static int transmit(struct upcall *upcall)
{
	struct lane *lane = upcall->lane;
	struct worker_request request;
	int ret;

	make_request(upcall, &request);
	ret = worker_link_send(&lane->worker, &request, upcall->fd, lane->container->pidfd);
	if (ret == -EAGAIN)
		return 0;
	if (ret < 0)
		return ret;
	upcall->fd = close_keep_errno(upcall->fd);
	upcall->phase = UPCALL_HANDED;
	return 0;
}

static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EINTR;
}

/* True: the upcall is ours. False: it has ended. */
static bool claim(struct upcall *upcall)
{
	struct lane *lane = upcall->lane;
	const struct ending gone = { .result = RECORD_GONE };
	int fd;

	fd = shim_claim(lane->queue->shim_fd, upcall->facts.id, upcall->facts.generation);
	if (fd >= 0) {
		upcall->fd = fd;
		upcall->phase = UPCALL_CLAIMED;
		return true;
	}
	if (is_shortage(fd))
		forget(upcall); /* the device will bring it again */
	else if (fd == -ESTALE || fd == -ENOENT)
		end(upcall, &gone);
	else
		refuse(upcall, ENOKEY, "it could not be claimed", -fd);
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
		refuse(upcall, EKEYREJECTED, "the container's leader has gone", 0);
	} else {
		refuse(upcall, ENOKEY, "the container's leader could not be checked", -ret);
	}
	return false;
}

static bool is_handed(const struct upcall *upcall)
{
	return upcall->phase == UPCALL_HANDED;
}

static int hand(struct upcall *upcall)
{
	if (upcall->phase == UPCALL_STARTING && (!leader_fits(upcall) || !claim(upcall)))
		return 0;
	return transmit(upcall);
}

/* ----------------------------------------------------------------- worker */

static void refuse_unhanded(struct lane *lane, int error)
{
	struct upcall *upcall, *after;

	list_for_each_safe(upcall, after, &lane->active, link) if (upcall->phase == UPCALL_STARTING)
		refuse(upcall, ENOKEY, "its worker cannot be started", -error);
}

static void lose_handed(struct lane *lane)
{
	struct upcall *upcall, *after;

	list_for_each_safe(upcall, after, &lane->active, link)
	{
		if (!is_handed(upcall))
			continue;
		take_out(upcall);
		queue_lost(lane->queue, upcall);
	}
}

static void worker_failed(struct lane *lane)
{
	worker_link_close(&lane->worker);
	lose_handed(lane);
}

static void start_worker(struct lane *lane)
{
	int ret;

	if (lane->launch)
		return;
	if (ev_now(loop_of(lane)) < lane->retry_at) {
		refuse_unhanded(lane, -EAGAIN);
		return;
	}
	ret = launcher_of(lane)->vtable->start(launcher_of(lane), lane->name, &lane->launch_client,
					       &lane->launch);
	if (ret == -EINPROGRESS)
		return;
	if (ret >= 0) {
		worker_link_open(&lane->worker, ret);
		return;
	}
	lane->retry_at = ev_now(loop_of(lane)) + LANE_RETRY_SECONDS;
	refuse_unhanded(lane, ret);
}

/* Returns a negative errno if the worker is of no use any more. */
static int hand_all(struct lane *lane)
{
	struct upcall *upcall, *after;
	int ret = 0;

	list_for_each_safe(upcall, after, &lane->active, link)
	{
		if (!is_handed(upcall))
			ret = hand(upcall);
		if (ret < 0)
			break;
	}
	return ret;
}

/*
 * Hand on what only waits for a worker; twice, because an idle one may just have
 * ended. What was claimed for that one goes to the next.
 */
static void lane_pump(struct lane *lane)
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
		lane->retry_at = ev_now(loop_of(lane)) + LANE_RETRY_SECONDS;
		refuse_unhanded(lane, fd);
	}
	lane_fill(lane);
}

static bool has_unhanded(const struct lane *lane)
{
	struct upcall *upcall;

	list_for_each(upcall, &lane->active, link)
		if (!is_handed(upcall))
			return true;
	return false;
}

static struct upcall *find_handed(struct lane *lane, uint64_t id)
{
	struct upcall *upcall;

	/* the oldest first: of a superseded one and its successor the former is meant */
	list_for_each(upcall, &lane->active, link)
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

	if (upcall)
		end(upcall, &ending);
	lane_fill(lane);
}

static void worker_writable(struct worker_link_client *client)
{
	struct lane *lane = container_of(client, struct lane, worker_client);
	struct upcall *upcall, *after;

	list_for_each_safe(upcall, after, &lane->active,
			   link) if (upcall->phase == UPCALL_CLAIMED && transmit(upcall) < 0)
	{
		worker_failed(lane);
		break;
	}
	lane_fill(lane);
}

static void worker_closed(struct worker_link_client *client)
{
	struct lane *lane = container_of(client, struct lane, worker_client);

	lose_handed(lane);
	lane_fill(lane);
}

/* ------------------------------------------------------------------ quota */

static bool has_room(const struct lane *lane, const struct rule *rule)
{
	unsigned int running = 0;
	struct upcall *upcall;

	list_for_each(upcall, &lane->active, link)
		running += rule_same_quota(upcall->rule, rule);
	return running < rule->max_concurrent;
}

static void activate(struct lane *lane, struct upcall *upcall)
{
	upcall->phase = UPCALL_STARTING;
	list_append(&lane->active, &upcall->link);
	lane->active_count++;
}

static void admit_waiting(struct lane *lane)
{
	struct upcall *upcall, *after;

	list_for_each_safe(upcall, after, &lane->waiting, link) {
		if (!has_room(lane, upcall->rule))
			continue;
		list_unlink(&upcall->link);
		lane->waiting_count--;
		activate(lane, upcall);
	}
}

/* Something has changed: let in what waits, in its order, and hand it on. May free the lane. */
static void lane_fill(struct lane *lane)
{
	do {
		admit_waiting(lane);
		if (has_unhanded(lane))
			lane_pump(lane);
		/* what was refused at once has made room again */
	} while (lane->waiting_count && !lane->active_count);
	lane_release(lane);
}

void lane_offer(struct lane *lane, struct upcall *upcall)
{
	upcall->lane = lane;
	if (has_room(lane, upcall->rule)) {
		activate(lane, upcall);
		lane_fill(lane);
		return;
	}
	upcall->phase = UPCALL_WAITING;
	list_append(&lane->waiting, &upcall->link);
	lane->waiting_count++;
	if (lane->waiting_count > LANE_WAITING_MAX)
		refuse(upcall, EDQUOT, "too many wait already", EDQUOT);
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
	list_append(&queue->lanes, &lane->link);
	lane->launch_client.done = launched;
	lane->worker_client = (struct worker_link_client){
		.result = worker_result,
		.writable = worker_writable,
		.closed = worker_closed,
	};
	worker_link_init(&lane->worker, queue->loop, &lane->worker_client);
	return lane;
}

void lane_detach(struct lane *lane, bool unregistered)
{
	struct upcall *upcall, *after;
	const char *reason = unregistered ? "its container was unregistered" :
					    "the container's leader has gone";

	if (lane->launch)
		launcher_of(lane)->vtable->cancel(lane->launch);
	lane->launch = NULL;
	list_for_each_safe(upcall, after, &lane->waiting, link)
		refuse(upcall, EKEYREJECTED, reason, 0);
	list_for_each_safe(upcall, after, &lane->active, link) if (upcall->phase != UPCALL_HANDED)
		refuse(upcall, EKEYREJECTED, reason, 0);
	lane->container->lane = NULL;
	lane->container = NULL;
	if (unregistered && lane->active_count)
		launcher_of(lane)->vtable->stop(launcher_of(lane), lane->name);
	lane_release(lane);
}

void lane_free(struct lane *lane)
{
	struct upcall *upcall, *after;
	const struct ending lost = {
		.result = RECORD_LOST,
		.reason = "upcalld ended before its handler did",
	};

	if (lane->launch)
		launcher_of(lane)->vtable->cancel(lane->launch);
	list_for_each_safe(upcall, after, &lane->waiting, link) forget(upcall);
	list_for_each_safe(upcall, after, &lane->active, link)
	{
		if (is_handed(upcall))
			end(upcall, &lost);
		else
			forget(upcall);
	}
	worker_link_close(&lane->worker);
	if (lane->container)
		lane->container->lane = NULL;
	list_unlink(&lane->link);
	free(lane);
}
