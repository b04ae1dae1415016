// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The start of a request
 *
 * All that can be known on the host is known before anything is forked. What
 * fails here fails with nothing having run.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "answer.h"
#include "cleanup.h"
#include "command.h"
#include "enter.h"
#include "fault.h"
#include "guard.h"
#include "listen.h"
#include "packet.h"
#include "pairs.h"
#include "report.h"
#include "request-life.h"
#include "request.h"
#include "seal.h"
#include "spawn.h"

#define ENTRY_MS 20000 /* less than the kernel half waits for ATTACH */

static int report_watch(struct request *request, struct child *child, int report_fd,
			watch_fn *on_report_fn)
{
	int ret =
		loop_watch(&request->hands->loop, &child->report, report_fd, POLLIN, on_report_fn);

	if (ret < 0)
		close_keep_errno(report_fd);
	return ret;
}

static int dns_open(struct hands *hands)
{
	if (hands->dns_fd < 0)
		hands->dns_fd = seal_file(hands->dns_path, "upcall-dns");
	return hands->dns_fd;
}

static int probe_open(struct hands *hands)
{
	if (hands->probe_fd < 0)
		hands->probe_fd = seal_file(hands->probe_path, "upcall-probe");
	return hands->probe_fd;
}

static bool request_runs_ours(const struct request *request)
{
	return request->wire.handler == WORKER_ANSWER_DNS || request->wire.handler == WORKER_PROBE;
}

static int ours_fd(const struct request *request)
{
	return request->wire.handler == WORKER_PROBE ? request->hands->probe_fd :
						       request->hands->dns_fd;
}

static int handler_spawn(struct request *request, const struct command *command, int out_fd,
			 enum worker_step *step)
{
	cleanup_fd int report_read = -1, report_write = -1;
	struct process process = PROCESS_NULL;
	struct enter enter = {
		.request = &request->wire,
		.command = command,
		.profile = &request->profile,
		.leader = request->leader,
		.leaf_inode = request->leaf.inode,
		.upcall_fd = request->upcall.fd,
		.pidfd = request->pidfd,
		.null_fd = request->hands->null_fd,
		.proc_fd = request->hands->proc_fd,
		.in_fd = request->visit.fds[0],
		.out_fd = out_fd,
		.err_fd = request->visit.fds[2],
		.exec_fd = command->path ? -1 : ours_fd(request),
		.label_fd = -1,
	};
	const struct birthplace place = {
		.pidfd = request->pidfd,
		.namespaces = enter_birthplace(&request->wire),
	};
	int ret;

	*step = WORKER_STEP_FORK;
	ret = report_open(&report_read, &report_write);
	if (ret < 0)
		return ret;
	enter.report_fd = report_write;
	if (place.namespaces && fault_at(WORKER_STEP_PIDNS) < 0) {
		*step = WORKER_STEP_PIDNS;
		return fault_at(*step);
	}
	ret = spawn_handler(request->leaf.fd, &place, &process);
	if (ret > 0)
		enter_run(&enter);
	if (ret == 0 && enter_has_sibling(&request->wire))
		ret = child_watch(request, &request->entrant, &process, request_on_entrant_exit);
	else if (ret == 0)
		ret = handler_watch(request, &process);
	if (ret < 0)
		return ret;
	return report_watch(request, &request->handler, take_fd(&report_read),
			    request_on_handler_report);
}

/* ORDER: before the handler, so that somebody reads what that prints. */
static int answerer_spawn(struct request *request, int data_fd, enum worker_step *step)
{
	cleanup_fd int report_read = -1, report_write = -1, control_read = -1, control_write = -1;
	struct process process = PROCESS_NULL;
	struct answer answer = {
		.key = &request->info.tags.key,
		.upcall_fd = request->upcall.fd,
		.data_fd = data_fd,
		.null_fd = request->hands->null_fd,
	};
	int control[2], ret;

	*step = WORKER_STEP_FORK;
	ret = report_open(&report_read, &report_write);
	if (ret < 0)
		return ret;
	if (pipe2(control, O_CLOEXEC) < 0)
		return -errno;
	answer.control_fd = control_read = control[0];
	control_write = control[1];
	answer.report_fd = report_write;
	ret = spawn(/* leaf_fd= */ -1, &BIRTHPLACE_OURS, &process);
	if (ret > 0)
		answer_run(&answer);
	if (ret == 0)
		ret = child_watch(request, &request->answerer, &process, request_on_answerer_exit);
	if (ret < 0)
		return ret;
	request->control_fd = take_fd(&control_write);
	return report_watch(request, &request->answerer, take_fd(&report_read),
			    request_on_answerer_report);
}

static int children_spawn(struct request *request, const struct command *command,
			  enum worker_step *step)
{
	cleanup_fd int data_read = -1, data_write = -1;
	int data[1][2], ret;

	if (!request_answers(request))
		return handler_spawn(request, command, request->visit.fds[1], step);
	/* no pipe: who splices into one holds its lock, and a reader sleeps on it unkillably */
	ret = pairs_make(data, 1);
	if (ret < 0)
		return ret;
	data_read = data[0][0];
	data_write = data[0][1];
	ret = answerer_spawn(request, data_read, step);
	return ret < 0 ? ret : handler_spawn(request, command, data_write, step);
}

/* The upcall is the one we were told of. */
static int info_read(struct request *request)
{
	int ret;

	if (request_visits(request))
		return 0;
	ret = shim_info(request->upcall.fd, 0, 0, &request->info);
	if (ret < 0)
		return ret;
	if (request->info.tags.id != request->wire.id ||
	    request->info.tags.class != request->wire.class)
		return -EKEYREJECTED;
	return 0;
}

static int leader_prepare(struct request *request, enum worker_step *step)
{
	bool ours = request_runs_ours(request);
	int ret;

	if (request->wire.run_in == WORKER_RUN_IN_HOST)
		ret = leader_read_host(&request->wire, &request->leader, step);
	else
		ret = leader_read(&request->wire, request->upcall.fd, ours, &request->leader, step);
	/* our resolver reads two files and opens a socket, a probe less: they need no power */
	if (ret == 0 && ours) {
		request->leader.capabilities = 0;
		request->leader.no_new_privs = true;
	}
	return ret;
}

/* Who waits for this very upcall does not stop for us, nor does who dies and dumps core. */
static bool leader_hangs_on(const struct request *request)
{
	const struct tags *tags = &request->info.tags;
	uint32_t waits = request->wire.class == UPCALL_CLASS_CORE ? tags->tgid : tags->tid;

	return !request_visits(request) && waits == request->wire.leader;
}

/* What the container was registered with, or else what its leader has. */
static int profile_prepare(struct request *request)
{
	struct traced *traced = &request->hands->traced;

	if (request->profile_fd >= 0)
		return profile_read(request->profile_fd, &request->profile);
	if (!request->leader.filtered || request_runs_ours(request))
		return 0;
	if (leader_hangs_on(request) && !traced_is_known(traced, &request->wire, &request->leader))
		return -EDEADLK;
	return traced_profile(traced, &request->wire, request->upcall.fd, &request->leader,
			      &request->profile);
}

static int faults_check(enum worker_step first, enum worker_step last, enum worker_step *step)
{
	for (*step = first; *step <= last; (*step)++)
		if (fault_at(*step) < 0)
			return fault_at(*step);
	return 0;
}

static int request_run(struct request *request, enum worker_step *step)
{
	struct command command = COMMAND_NULL;
	int ret;

	ret = faults_check(WORKER_STEP_REQUEST, WORKER_STEP_FORK, step);
	if (ret < 0)
		return ret;
	*step = WORKER_STEP_REQUEST;
	ret = packet_check_request(&request->wire) ?: guard_check_dumpable();
	if (ret == 0 && request->wire.handler == WORKER_ANSWER_DNS)
		ret = dns_open(request->hands);
	if (ret == 0 && request->wire.handler == WORKER_PROBE)
		ret = probe_open(request->hands);
	if (ret >= 0 && request_visits(request))
		ret = visit_start(request);
	if (ret < 0)
		return ret;
	*step = WORKER_STEP_INFO;
	ret = info_read(request);
	if (ret < 0)
		return ret;
	ret = leader_prepare(request, step);
	if (ret < 0)
		return ret;
	*step = WORKER_STEP_SECCOMP;
	ret = profile_prepare(request);
	if (ret < 0)
		return ret;
	*step = WORKER_STEP_CGROUP;
	ret = leaf_create(&request->wire, &request->leader, &request->leaf);
	if (ret < 0)
		return ret;
	*step = WORKER_STEP_FORK;
	if (request_visits(request))
		ret = visit_command(&request->visit, request_runs_ours(request), &command);
	else
		ret = command_build(&request->wire, &request->info.tags, &command);
	if (ret == 0)
		ret = children_spawn(request, &command, step);
	/* the child has its own copy */
	command_clear(&command);
	return ret;
}

static struct request *request_new(struct hands *hands, uint64_t connection_id,
				   const struct worker_request *wire)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->hands = hands;
	request->connection_id = connection_id;
	request->wire = *wire;
	request->result.protocol = WORKER_PROTOCOL;
	request->result.id = wire->id;
	request->leader = LEADER_NULL;
	request->leaf = LEAF_NULL;
	request->upcall = request->leaf_events = WATCH_NULL;
	request->entrant.exit = request->entrant.report = WATCH_NULL;
	request->handler.exit = request->handler.report = WATCH_NULL;
	request->answerer.exit = request->answerer.report = WATCH_NULL;
	request->visit = VISIT_NULL;
	request->pidfd = request->profile_fd = request->control_fd = -1;
	request->retry_ms = -1;
	request->started_us = request_now_us();
	request->next = hands->requests;
	hands->requests = request;
	hands->request_count++;
	return request;
}

/*
 * Who prints an answer has less than its run time: the kernel half counts from
 * the claim to ATTACH, which here comes last.
 */
static int64_t start_time_limit(const struct worker_request *wire)
{
	if (wire->handler != WORKER_BECOME && !worker_is_visit(wire->handler) &&
	    wire->run_ms < ENTRY_MS)
		return wire->run_ms;
	return ENTRY_MS;
}

/* One that there is no room for: it is answered, and told of, like any other. */
static void request_turn_away(struct hands *hands, uint64_t connection_id,
			      const struct worker_request *wire, struct worker_fds *fds, int error)
{
	const struct worker_result result = {
		.protocol = WORKER_PROTOCOL,
		.outcome = WORKER_ENTRY_FAILED,
		.id = wire->id,
		.step = WORKER_STEP_REQUEST,
		.error = -error,
	};

	if (fds->channel >= 0) {
		(void)packet_send(fds->channel, &result);
	} else {
		(void)shim_complete(fds->upcall, EIO);
		connection_send(hands, connection_id, &result);
	}
	packet_fds_close(fds);
}

/* The channel stays the caller's. On failure so do all. */
static int request_take(struct hands *hands, uint64_t connection_id,
			const struct worker_request *wire, struct worker_fds *fds,
			struct request **ret)
{
	struct request *request = request_new(hands, connection_id, wire);
	int error;

	if (!request)
		return -ENOMEM;
	error = loop_watch(&hands->loop, &request->upcall, fds->upcall, 0, request_on_upcall);
	if (error < 0) {
		request_free(request);
		return error;
	}
	request->pidfd = fds->pidfd;
	request->profile_fd = fds->filter;
	*ret = request;
	return 0;
}

void request_start(struct hands *hands, uint64_t connection_id, const struct worker_request *wire,
		   struct worker_fds *fds)
{
	enum worker_step step = WORKER_STEP_REQUEST;
	struct request *request;
	int ret;

	ret = request_take(hands, fds->channel < 0 ? connection_id : 0, wire, fds, &request);
	if (ret < 0) {
		request_turn_away(hands, connection_id, wire, fds, ret);
		return;
	}
	if (request_visits(request))
		visit_take(request, fds->channel);
	request->deadline_ms = loop_now_ms() + start_time_limit(wire);
	ret = request_run(request, &step);
	if (ret < 0)
		request_decide(request, WORKER_ENTRY_FAILED, step, -ret);
	request_try_finish(request);
}
