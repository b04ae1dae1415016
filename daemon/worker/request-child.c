// SPDX-License-Identifier: GPL-2.0-or-later
/* A request's children: what they report, and how they end */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "report.h"
#include "request-life.h"
#include "spawn.h"

#define STRAYS_MAX 256
/* A filter, a birth, an arrival and a failure are all that one of ours can report. */
#define REPORTS_MAX 5

static void child_clear(struct loop *loop, struct child *child)
{
	loop_unwatch_close(loop, &child->exit);
	loop_unwatch_close(loop, &child->report);
}

void children_clear(struct request *request)
{
	struct loop *loop = &request->hands->loop;

	child_clear(loop, &request->entrant);
	child_clear(loop, &request->handler);
	child_clear(loop, &request->answerer);
}

static bool child_is_known(const struct hands *hands, pid_t pid)
{
	for (const struct request *request = hands->requests; request; request = request->next)
		if (request->entrant.pid == pid || request->handler.pid == pid ||
		    request->answerer.pid == pid)
			return true;
	return false;
}

/* There may be a sibling already that its request has not heard of. */
static bool birth_is_due(const struct hands *hands)
{
	for (const struct request *request = hands->requests; request; request = request->next)
		if (request->entrant.pid && !request->born)
			return true;
	return false;
}

/*
 * Children whom a request did not wait for any longer, or never heard of: as
 * zombies they would keep their container's init from ending. A handler can bear
 * them faster than they are reaped: those left are the next request's, or go with us.
 */
void strays_reap(const struct hands *hands)
{
	siginfo_t info = { 0 };
	unsigned int left = STRAYS_MAX;

	/* RACE: it would be taken for one of them; the request that bears it comes here, too */
	if (birth_is_due(hands))
		return;
	while (left-- && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		if (child_is_known(hands, info.si_pid))
			return;
		(void)waitpid(info.si_pid, NULL, WNOHANG);
		info.si_pid = 0;
	}
}

void child_kill(const struct child *child)
{
	const struct process process = { child->pid, child->exit.fd };

	process_kill(&process);
}

static void upcall_is_taken(struct request *request)
{
	/* again: somebody caught our child and says so to get more time */
	if (request->attached)
		return;
	request->attached = true;
	/* ORDER: before anything else; while we have it, its holder is not alone with it */
	loop_unwatch_close(&request->hands->loop, &request->upcall);
	/* it may be news of one that is being ended, and its time is for that */
	if (request_answers(request) || request->decided)
		return;
	request->deadline_ms = loop_now_ms() + request->wire.run_ms;
	/* only a failed exec has more to say, and ends; a good one should not wake us */
	loop_mute(&request->hands->loop, &request->handler.report);
}

static enum worker_outcome failure_outcome(const struct request *request,
					   const struct report *report)
{
	if (report->step == WORKER_STEP_ATTACH && report->value == ESTALE)
		return WORKER_GONE;
	if (report->step == WORKER_STEP_READ && report->value == EBADMSG)
		return WORKER_BAD_ANSWER;
	if (report->step == WORKER_STEP_INSTANTIATE)
		return WORKER_BAD_ANSWER;
	if (report->step == WORKER_STEP_EXEC && request_answers(request))
		return WORKER_EXEC_FAILED;
	return request->attached ? WORKER_EXEC_FAILED : WORKER_ENTRY_FAILED;
}

/*
 * The one that the entrant bore. A handler that the container has taken could say
 * the same: so only a child of ours that nobody knows yet is believed to be it.
 */
static void handler_adopt(struct request *request, pid_t pid)
{
	struct process process = PROCESS_NULL;
	int ret = -ECHILD;

	if (request->born)
		return;
	if (!child_is_known(request->hands, pid))
		ret = process_adopt(pid, &process);
	if (ret == 0)
		ret = handler_watch(request, &process);
	if (ret < 0)
		request_decide(request, WORKER_ENTRY_FAILED, WORKER_STEP_PIDNS, -ret);
	else if (request->decided && !request->handler.failed)
		process_kill(&process);
}

static void report_apply(struct request *request, struct child *child, const struct report *report)
{
	switch ((enum report_kind)report->kind) {
	case REPORT_ENTERED:
	case REPORT_ATTACHED:
		upcall_is_taken(request);
		break;
	case REPORT_FILTERED:
		break;
	case REPORT_BORN:
		if (child == &request->handler)
			handler_adopt(request, report->value);
		break;
	case REPORT_FAILED:
		child->failed = true;
		request_decide(request, failure_outcome(request, report), report->step,
			       report->value);
		break;
	}
}

/*
 * All there is to read; the pipe is closed at its end, or at anything strange. Who
 * caught a child on its way may write for ever: more than a child can say is strange.
 */
static void reports_drain(struct request *request, struct child *child)
{
	struct report report;
	int ret = -EBADMSG;

	if (child->report.fd < 0)
		return;
	while (child->reports < REPORTS_MAX &&
	       (ret = report_receive(child->report.fd, &report)) > 0) {
		child->reports++;
		report_apply(request, child, &report);
	}
	if (ret != -EAGAIN)
		loop_unwatch_close(&request->hands->loop, &child->report);
}

void children_drain(struct request *request)
{
	reports_drain(request, &request->entrant);
	reports_drain(request, &request->handler);
	reports_drain(request, &request->answerer);
}

bool child_has_ended(const struct child *child)
{
	struct pollfd end = { .fd = child->exit.fd, .events = POLLIN };

	return child->pid && poll(&end, 1, 0) == 1;
}

int child_watch(struct request *request, struct child *child, const struct process *process,
		watch_fn *on_exit_fn)
{
	int ret =
		loop_watch(&request->hands->loop, &child->exit, process->pidfd, POLLIN, on_exit_fn);

	if (ret < 0) {
		process_kill(process);
		close_keep_errno(process->pidfd);
		return ret;
	}
	child->pid = process->pid;
	return 0;
}

int handler_watch(struct request *request, const struct process *process)
{
	request->born = true;
	request->result.handler_pid = (uint32_t)process->pid;
	return child_watch(request, &request->handler, process, request_on_handler_exit);
}

/*
 * Its wait status; the pidfd said that there is one. False: a tracer has it, for
 * instance a fork of the handler's that traces its parent and waits for nothing.
 * Then its leaf is killed and it is asked for again.
 */
static bool child_reap(struct request *request, struct child *child, int *ret_status)
{
	pid_t pid;

	/* ORDER: what it reported before it died explains the death */
	reports_drain(request, child);
	pid = waitpid(child->pid, ret_status, WNOHANG);
	if (pid == 0) {
		child_hold(request, child);
		request_leaf_end(request);
		return false;
	}
	if (pid < 0)
		*ret_status = SIGKILL;
	child->pid = 0;
	child->held = false;
	child_clear(&request->hands->loop, child);
	return true;
}

static enum worker_outcome status_outcome(const struct leaf *leaf, int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL && leaf_oom_killed(leaf) ? WORKER_HANDLER_OOM :
									      WORKER_HANDLER_KILLED;
	return WEXITSTATUS(status) == 0 ? WORKER_SERVED : WORKER_HANDLER_FAILED;
}

static void handler_ended(struct request *request, int status)
{
	enum worker_outcome outcome = status_outcome(&request->leaf, status);
	bool late = outcome == WORKER_HANDLER_KILLED && request_was_over_time(request, status);

	request_decide(request, late ? WORKER_HANDLER_TIMEOUT : outcome, WORKER_STEP_NONE,
		       late ? ETIMEDOUT : 0);
}

/* Its output is complete: what it left behind is killed, or would hold the pipe open. */
static void answer_approve(struct request *request)
{
	request_leaf_end(request);
	(void)!write(request->control_fd, "1", 1);
	request->control_fd = close_keep_errno(request->control_fd);
}

/* Killed on its way, by the container's limits or by hand, unless its work was done. */
void request_on_entrant_exit(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, entrant.exit);
	int status;

	(void)revents;
	if (!child_reap(request, &request->entrant, &status))
		return;
	reports_drain(request, &request->handler);
	if (!request->born) {
		request_decide(request, WORKER_ENTRY_FAILED, WORKER_STEP_FORK, ECANCELED);
		request_leaf_end(request);
	}
	request_try_finish(request);
}

void request_on_handler_exit(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, handler.exit);
	int status = 0;

	(void)revents;
	if (handler_rest(request))
		return;
	if (!child_reap(request, &request->handler, &status))
		return;
	request->result.wait_status = status;
	/* it may have died of a reader that had seen enough: that one's word comes first */
	reports_drain(request, &request->answerer);
	if (!request->attached && !request_answers(request))
		/* killed on its way in: by the container's limits, or its init's end */
		request_decide(request, WORKER_ENTRY_FAILED, WORKER_STEP_FORK, ECANCELED);
	else if (!request_answers(request) || status != 0)
		handler_ended(request, status);
	else if (!request->decided)
		answer_approve(request);
	if (request->decided)
		request_leaf_end(request);
	request_try_finish(request);
}

void request_on_answerer_exit(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, answerer.exit);
	int status = 0;

	(void)revents;
	if (!child_reap(request, &request->answerer, &status))
		return;
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
