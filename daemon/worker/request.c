// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests
 *
 *   start -> children run -> decided -> stopped -> cleaned up -> result
 *
 * request_decide() is the only place that says how it went, and acts once. It
 * also answers the kernel, if no child of ours has taken the upcall over by
 * ATTACH: until a child reports that, the worker keeps its copy of the upcall
 * fd, so that no death of a child leaves the requester waiting. After it,
 * everything is killed, and the request ends when nothing of it is left or its
 * time for that is over.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "listen.h"
#include "request-life.h"
#include "request.h"

/*
 * What the requester is told. Few and harmless: some errors make the kernel
 * forget a helper for good (ENOENT, EACCES) or mean something else (EINTR).
 */
static int refusal_error(enum worker_outcome outcome, enum worker_step step, int error)
{
	switch (outcome) {
	case WORKER_HANDLER_TIMEOUT:
		return ETIMEDOUT;
	case WORKER_HANDLER_FAILED:
	case WORKER_HANDLER_KILLED:
	case WORKER_HANDLER_OOM:
	case WORKER_BAD_ANSWER:
		return ENOKEY;
	case WORKER_ENTRY_FAILED:
		if (error == EPERM || error == EKEYREJECTED || step == WORKER_STEP_SECCOMP ||
		    step == WORKER_STEP_LABEL || step == WORKER_STEP_VERIFY)
			return EKEYREJECTED;
		break;
	case WORKER_SERVED:
	case WORKER_EXEC_FAILED:
	case WORKER_GONE:
		break;
	}
	return EIO;
}

static void request_unlink(struct request *request)
{
	struct request **link = &request->hands->requests;

	while (*link != request)
		link = &(*link)->next;
	*link = request->next;
	request->hands->request_count--;
}

void request_free(struct request *request)
{
	struct loop *loop = &request->hands->loop;

	request_unlink(request);
	children_clear(request);
	loop_unwatch_close(loop, &request->leaf_events);
	visit_clear(&request->visit, loop);
	close_keep_errno(request->control_fd);
	close_keep_errno(request->pidfd);
	close_keep_errno(request->profile_fd);
	profile_clear(&request->profile);
	leaf_clear(&request->leaf);
	/* ORDER: with its last copy the upcall is in the queue again; its next leaf has this name */
	loop_unwatch_close(loop, &request->upcall);
	leader_clear(&request->leader);
	shim_info_clear(&request->info);
	free(request);
}

static void request_finish(struct request *request)
{
	const struct hands *hands = request->hands;

	request->result.duration_us = (uint64_t)(request_now_us() - request->started_us);
	connection_send(request->hands, request->connection_id, &request->result);
	visit_tell(&request->visit, &request->result);
	request_free(request);
	strays_reap(hands);
}

static bool leaf_has_ended(const struct request *request)
{
	return request->leaf_events.fd < 0 || leaf_is_empty(request->leaf_events.fd);
}

/* True: nothing is left, the request is gone. */
bool request_try_finish(struct request *request)
{
	if (!request->decided || request->entrant.pid || request->handler.pid ||
	    request->answerer.pid || !leaf_has_ended(request))
		return false;
	request_finish(request);
	return true;
}

static void on_leaf_events(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, leaf_events);

	(void)revents;
	/* of a leaf that the container has removed there would be news for ever */
	if (leaf_has_ended(request))
		loop_unwatch_close(&request->hands->loop, watch);
	request_try_finish(request);
}

/* What a handler leaves running ends with it. */
void request_leaf_end(struct request *request)
{
	int fd;

	if (request->leaf.fd < 0)
		return;
	(void)leaf_kill(&request->leaf);
	if (request->leaf_events.fd >= 0)
		return;
	fd = leaf_open_events(&request->leaf);
	if (fd >= 0 && loop_watch(&request->hands->loop, &request->leaf_events, fd, POLLPRI,
				  on_leaf_events) < 0)
		close_keep_errno(fd);
}

static void request_kill(struct request *request)
{
	/* by pidfd too: the container may have moved it out of the leaf */
	child_kill(&request->entrant);
	child_kill(&request->handler);
	child_kill(&request->answerer);
	request_leaf_end(request);
}

/*
 * A handler that could not be executed ends with status 127, and its requester
 * may be waiting for just that: our SIGKILL would be a race for what it learns.
 */
static void request_stop(struct request *request)
{
	if (request->handler.failed)
		child_kill(&request->answerer);
	else
		request_kill(request);
	request->deadline_ms = loop_now_ms() + REQUEST_CLEANUP_MS;
}

void request_abandon(struct request *request)
{
	request_kill(request);
	request_finish(request);
}

void request_decide(struct request *request, enum worker_outcome outcome, enum worker_step step,
		    int error)
{
	if (request->decided)
		return;
	request->decided = true;
	request->result.outcome = outcome;
	request->result.step = step;
	request->result.error = error;
	/* fails where a child attached or the requester has gone: then it needs no answer */
	if (request->upcall.fd >= 0 && !request->attached && !request_visits(request))
		(void)shim_complete(request->upcall.fd, refusal_error(outcome, step, error));
	loop_unwatch_close(&request->hands->loop, &request->upcall);
	request_stop(request);
}

/* What is in a leaf of the worker's own cgroup ends with that. */
static bool goes_on_alone(const struct request *request)
{
	return request->attached && request->handler.pid &&
	       request->wire.run_in == WORKER_RUN_IN_CONTAINER &&
	       request->leader.cgroup[0] != '\0' && !request_answers(request) &&
	       !request_visits(request);
}

static void request_end(struct request *request)
{
	struct loop *loop = &request->hands->loop;

	/* one callback at a time: what has happened may not have been looked at */
	children_drain(request);
	/* its end is under way, and has a time */
	if (request->decided || (!request_answers(request) && child_has_ended(&request->handler)))
		return;
	if (goes_on_alone(request)) {
		/* it has borne the handler, and would stay if somebody froze it */
		child_kill(&request->entrant);
		request_free(request);
		return;
	}
	request->connection_id = 0;
	visit_clear(&request->visit, loop);
	request->decided = true;
	/* kept for request_free() */
	loop_mute(loop, &request->upcall);
	request_kill(request);
	request->deadline_ms = loop_now_ms() + REQUEST_CLEANUP_MS;
	request_try_finish(request);
}

void requests_end(struct hands *hands)
{
	struct request *next;

	for (struct request *request = hands->requests; request; request = next) {
		next = request->next;
		request_end(request);
	}
}
