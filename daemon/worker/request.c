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
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "listen.h"
#include "report.h"
#include "request-life.h"
#include "request.h"
#include "spawn.h"

#define CLEANUP_MS 5000

int64_t request_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --------------------------------------------------------------- the ending */

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

static void child_clear(struct loop *loop, struct child *child)
{
	loop_unwatch_close(loop, &child->exit);
	loop_unwatch_close(loop, &child->report);
}

void request_free(struct request *request)
{
	struct loop *loop = &request->hands->loop;

	request_unlink(request);
	child_clear(loop, &request->handler);
	child_clear(loop, &request->answerer);
	loop_unwatch_close(loop, &request->leaf_events);
	loop_unwatch_close(loop, &request->upcall);
	close_keep_errno(request->control_fd);
	close_keep_errno(request->pidfd);
	leaf_clear(&request->leaf);
	leader_clear(&request->leader);
	shim_info_clear(&request->info);
	free(request);
}

static void request_finish(struct request *request)
{
	request->result.duration_us = (uint64_t)(request_now_us() - request->started_us);
	connection_send(request->hands, request->connection_id, &request->result);
	request_free(request);
}

static bool leaf_has_ended(const struct request *request)
{
	return request->leaf_events.fd < 0 || leaf_is_empty(request->leaf_events.fd);
}

/* True: nothing is left, the request is gone. */
bool request_try_finish(struct request *request)
{
	if (!request->decided || request->handler.pid || request->answerer.pid ||
	    !leaf_has_ended(request))
		return false;
	request_finish(request);
	return true;
}

static void on_leaf_events(struct watch *watch, short revents)
{
	(void)revents;
	request_try_finish(container_of(watch, struct request, leaf_events));
}

static void child_kill(const struct child *child)
{
	const struct process process = { child->pid, child->exit.fd };

	process_kill(&process);
}

/* What a handler leaves running ends with it. */
static void leaf_end(struct request *request)
{
	int fd;

	if (request->leaf.fd < 0 || request->leaf_events.fd >= 0)
		return;
	(void)leaf_kill(&request->leaf);
	fd = leaf_open_events(&request->leaf);
	if (fd >= 0 && loop_watch(&request->hands->loop, &request->leaf_events, fd, POLLPRI,
				  on_leaf_events) < 0)
		close_keep_errno(fd);
}

static void request_kill(struct request *request)
{
	/* by pidfd too: the container may have moved it out of the leaf */
	child_kill(&request->handler);
	child_kill(&request->answerer);
	leaf_end(request);
}

/*
 * A handler that could not be executed ends with status 127, and its requester
 * may be waiting for just that: our SIGKILL would be a race for what it learns.
 */
static void request_stop(struct request *request)
{
	if (request->handler.pid && request->handler.failed)
		child_kill(&request->answerer);
	else
		request_kill(request);
	request->deadline_ms = loop_now_ms() + CLEANUP_MS;
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
	if (request->upcall.fd >= 0 && !request->attached)
		(void)shim_complete(request->upcall.fd, refusal_error(outcome, step, error));
	loop_unwatch_close(&request->hands->loop, &request->upcall);
	request_stop(request);
}

/* ------------------------------------------------------------- the children */

static void upcall_is_taken(struct request *request)
{
	request->attached = true;
	/* ORDER: before anything else; while we have it, its holder is not alone with it */
	loop_unwatch_close(&request->hands->loop, &request->upcall);
	if (!request_answers(request))
		request->deadline_ms = loop_now_ms() + request->wire.run_ms;
}

static enum worker_outcome failure_outcome(const struct request *request,
					   const struct report *report)
{
	if (report->step == WORKER_STEP_ATTACH && report->error == ESTALE)
		return WORKER_GONE;
	if (report->step == WORKER_STEP_READ && report->error == EBADMSG)
		return WORKER_BAD_ANSWER;
	if (report->step == WORKER_STEP_INSTANTIATE)
		return WORKER_BAD_ANSWER;
	if (report->step == WORKER_STEP_EXEC && request_answers(request))
		return WORKER_EXEC_FAILED;
	return request->attached ? WORKER_EXEC_FAILED : WORKER_ENTRY_FAILED;
}

static void report_apply(struct request *request, const struct report *report)
{
	if (report->kind == REPORT_ATTACHED)
		upcall_is_taken(request);
	else
		request_decide(request, failure_outcome(request, report), report->step,
			       report->error);
}

/* All there is to read; the pipe is closed at its end, or at anything strange. */
static void reports_drain(struct request *request, struct child *child)
{
	struct report report;
	int ret;

	if (child->report.fd < 0)
		return;
	while ((ret = report_receive(child->report.fd, &report)) > 0) {
		child->failed = report.kind == REPORT_FAILED;
		report_apply(request, &report);
	}
	if (ret != -EAGAIN)
		loop_unwatch_close(&request->hands->loop, &child->report);
}

/* Wait status; the pidfd said that there is one. */
static int child_reap(struct request *request, struct child *child)
{
	int status = 0;

	/* ORDER: what it reported before it died explains the death */
	reports_drain(request, child);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
	child_clear(&request->hands->loop, child);
	return status;
}

static enum worker_outcome status_outcome(const struct leaf *leaf, int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL && leaf_oom_killed(leaf) ? WORKER_HANDLER_OOM :
									      WORKER_HANDLER_KILLED;
	return WEXITSTATUS(status) == 0 ? WORKER_SERVED : WORKER_HANDLER_FAILED;
}

/* Its output is complete: what it left behind is killed, or would hold the pipe open. */
static void answer_approve(struct request *request)
{
	leaf_end(request);
	(void)!write(request->control_fd, "1", 1);
	request->control_fd = close_keep_errno(request->control_fd);
}

void request_on_handler_exit(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, handler.exit);
	int status = child_reap(request, &request->handler);

	(void)revents;
	request->result.wait_status = status;
	/* it may have died of a reader that had seen enough: that one's word comes first */
	reports_drain(request, &request->answerer);
	if (!request->attached && !request_answers(request))
		/* killed on its way in: by the container's limits, or its init's end */
		request_decide(request, WORKER_ENTRY_FAILED, WORKER_STEP_FORK, ECANCELED);
	else if (!request_answers(request) || status != 0)
		request_decide(request, status_outcome(&request->leaf, status), WORKER_STEP_NONE,
			       0);
	else if (!request->decided)
		answer_approve(request);
	if (request->decided)
		leaf_end(request);
	request_try_finish(request);
}

void request_on_answerer_exit(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, answerer.exit);
	int status = child_reap(request, &request->answerer);

	(void)revents;
	if (status == 0 && request->attached)
		request_decide(request, WORKER_SERVED, WORKER_STEP_NONE, 0);
	else
		request_decide(request, WORKER_BAD_ANSWER, WORKER_STEP_INSTANTIATE, ECANCELED);
	request_try_finish(request);
}

void request_on_handler_report(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, handler.report);

	(void)revents;
	reports_drain(request, &request->handler);
}

void request_on_answerer_report(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, answerer.report);

	(void)revents;
	reports_drain(request, &request->answerer);
}

void request_on_upcall(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, upcall);

	if (!(revents & (POLLHUP | POLLERR)))
		return;
	/* a child that is just attaching has said so, or the attempt fails with ESTALE */
	reports_drain(request, &request->handler);
	reports_drain(request, &request->answerer);
	if (!request->attached)
		request_decide(request, WORKER_GONE, WORKER_STEP_NONE, 0);
	request_try_finish(request);
}

/* ------------------------------------------------------------------- time */

int64_t request_next_deadline(const struct hands *hands)
{
	int64_t first = -1;

	for (const struct request *request = hands->requests; request; request = request->next)
		if (first < 0 || request->deadline_ms < first)
			first = request->deadline_ms;
	return first;
}

/*
 * Over time: once to be killed, then, if it survives even that (a process in
 * the kernel, uninterruptibly), to be left behind.
 */
void request_expire(struct hands *hands)
{
	struct request *request, *next;
	int64_t now = loop_now_ms();

	for (request = hands->requests; request; request = next) {
		next = request->next;
		if (request->deadline_ms > now)
			continue;
		if (request->decided) {
			request_kill(request);
			request_finish(request);
			continue;
		}
		request_decide(request, WORKER_HANDLER_TIMEOUT, WORKER_STEP_NONE, ETIMEDOUT);
		request_try_finish(request);
	}
}
