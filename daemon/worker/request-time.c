// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A request's time: when it is over, and when a child whose end could not or should not
 * be looked at is looked at again
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "request-life.h"
#include "request.h"
#include "stood.h"

#define HELD_MS 20
#define REST_MS 2

int64_t request_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/*
 * Killed when its time was over: by the kernel, whose deadline stands for ours
 * where we are late. Counted from the start of the request, which is before the
 * ATTACH that the kernel counts from, and with what the machine stood: it may have been
 * us alone, and then the kernel has killed it in time.
 */
bool request_was_over_time(const struct request *request, int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
	       request_now_us() - request->started_us >= (int64_t)request->wire.run_ms * 1000;
}

/* ------------------------------------------------------------- putting off */

static void child_put_off(struct request *request, struct child *child, int64_t ms)
{
	child->put_off = true;
	child->exit.events = 0;
	request->retry_ms = loop_now_ms() + ms;
}

void child_hold(struct request *request, struct child *child)
{
	if (!child->held && !request->decided)
		request->deadline_ms = loop_now_ms() + REQUEST_CLEANUP_MS;
	child->held = true;
	child_put_off(request, child, HELD_MS);
}

/*
 * Its place is one that others may wait for, in upcalld, or a dump be refused for: cores
 * do not wait. Where others of the container are at work nothing tells how many do.
 */
static bool place_is_wanted(const struct request *request)
{
	return request->wire.alone || request->wire.class == UPCALL_CLASS_CORE ||
	       request->hands->request_count > 1;
}

/*
 * The kernel half has answered, nobody waits for what is left for us to do, and the
 * requester should have the processor first.
 */
bool handler_rest(struct request *request)
{
	if (!request->attached || request->decided || request->handler.rested ||
	    request_answers(request) || request_visits(request) || place_is_wanted(request))
		return false;
	request->handler.rested = true;
	child_put_off(request, &request->handler, REST_MS);
	/* its death has woken us before the kernel half has told of it */
	(void)sched_yield();
	return true;
}

/* --------------------------------------------------------------- deadlines */

int64_t request_next_deadline(struct hands *hands)
{
	int64_t now = loop_now_ms(), first = now + STOOD_LOOK_MS;

	for (const struct request *request = hands->requests; request; request = request->next) {
		if (request->deadline_ms < first)
			first = request->deadline_ms;
		if (request->retry_ms >= 0 && request->retry_ms < first)
			first = request->retry_ms;
	}
	if (hands->end_ms && hands->end_ms < first)
		first = hands->end_ms;
	hands->looked_ms = now;
	hands->look_ms = first;
	return first;
}

/*
 * What the machine stood is nobody's time, nor what may have passed before it stood. So it
 * is put off for whose deadline is before `before`. We may stand alone, too: then the kernel
 * half, which has not, ends what we put off.
 */
static void add_what_stood(struct hands *hands, int64_t now, int64_t before)
{
	int64_t passed = now - hands->looked_ms;
	bool stood = hands->look_ms && has_stood(hands->look_ms, now);

	hands->looked_ms = now;
	hands->look_ms = now;
	if (!stood)
		return;
	for (struct request *request = hands->requests; request; request = request->next)
		if (request->deadline_ms < before)
			request->deadline_ms += passed;
}

/* ORDER: before any callback, which may set a deadline that begins now. */
void request_woken(struct loop *loop)
{
	add_what_stood(container_of(loop, struct hands, loop), loop_now_ms(), INT64_MAX);
}

/* One at a time: its callback may free the request. */
static void put_off_retry(struct request *request)
{
	struct child *const children[] = { &request->entrant, &request->handler,
					   &request->answerer };
	struct child *due = NULL;

	request->retry_ms = -1;
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		if (!children[i]->put_off)
			continue;
		if (due)
			request->retry_ms = loop_now_ms() + HELD_MS;
		due = children[i];
	}
	if (!due)
		return;
	due->put_off = false;
	due->exit.fn(&due->exit, POLLIN);
}

/*
 * Over time: once to be killed, then, if it survives even that (a process in
 * the kernel, uninterruptibly, or a zombie that is kept from us), to be left
 * behind.
 */
static void request_over_time(struct request *request)
{
	if (request->decided) {
		request_abandon(request);
		return;
	}
	if (request->entrant.held && !request->born)
		request_decide(request, WORKER_ENTRY_FAILED, WORKER_STEP_PIDNS, EBUSY);
	else if (request->entrant.held || request->handler.held)
		request_decide(request, WORKER_HANDLER_FAILED, WORKER_STEP_NONE, EBUSY);
	else
		request_decide(request, WORKER_HANDLER_TIMEOUT, WORKER_STEP_NONE, ETIMEDOUT);
	request_try_finish(request);
}

/* It has ended, in time, and we have not looked yet. */
static bool handler_rests(const struct request *request)
{
	return request->handler.put_off && !request->handler.held;
}

void request_expire(struct hands *hands)
{
	struct request *request, *next;
	int64_t now = loop_now_ms();

	/* it may have stood in the callback: whose deadline is over had it before */
	add_what_stood(hands, now, now + 1);
	for (request = hands->requests; request; request = next) {
		next = request->next;
		if (request->deadline_ms <= now && !handler_rests(request))
			request_over_time(request);
		else if (request->deadline_ms <= now ||
			 (request->retry_ms >= 0 && request->retry_ms <= now))
			put_off_retry(request);
	}
	if (hands->end_ms && hands->end_ms <= now) {
		hands->end_ms = 0;
		requests_end(hands);
	}
}
