/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request's insides, for the files that are its life: start.c, request*.c. */
#ifndef UPCALL_WORKER_REQUEST_LIFE_H
#define UPCALL_WORKER_REQUEST_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hands.h"
#include "leader.h"
#include "leaf.h"
#include "profile.h"
#include "shim-fd.h"
#include "spawn.h"
#include "visit.h"

/* A child: watched by its pidfd and by what it reports. pid 0: none, or reaped. */
struct child {
	pid_t pid;
	bool failed;	      /* said so, and is about to end by itself */
	bool put_off;	      /* has ended, and is looked at again at retry_ms */
	bool held;	      /* a tracer has its status */
	bool rested;	      /* was put off for what it kept from running */
	unsigned int reports; /* that have been read */
	struct watch exit;
	struct watch report;
};

struct request {
	struct request *next;
	struct hands *hands;
	uint64_t connection_id;
	struct worker_request wire;
	struct worker_result result;
	struct shim_info info;
	struct leader leader;
	struct leaf leaf;
	struct profile profile; /* of what is executed inside */
	struct watch upcall;	/* owns the upcall fd, until a child has attached */
	struct visit visit;	/* of an administrator: `upcall` is a witness then */
	int pidfd;		/* of the leader */
	int profile_fd;		/* what that is read from; or -1 */
	int control_fd;		/* to the answerer */
	struct child entrant;	/* forked; reports the handler's birth and ends */
	struct child handler;
	struct child answerer;
	struct watch leaf_events;
	bool born; /* the handler has been seen */
	bool attached;
	bool decided;
	int64_t started_us;
	int64_t deadline_ms;
	int64_t retry_ms; /* -1: nobody is put off */
};

static inline bool request_answers(const struct request *request)
{
	return request->wire.handler == WORKER_ANSWER_PROGRAM ||
	       request->wire.handler == WORKER_ANSWER_DNS;
}

static inline bool request_visits(const struct request *request)
{
	return worker_is_visit(request->wire.handler);
}

/* How long what was decided has for ending: a killed process, a child that is held. */
#define REQUEST_CLEANUP_MS WORKER_CLEANUP_MS

int64_t request_now_us(void);
/* Was the handler that has this status killed because of its time? */
bool request_was_over_time(const struct request *request, int status);
/* A tracer has its status: it is asked for again. */
void child_hold(struct request *request, struct child *child);
/* True: not now; that the handler has ended is looked at a little later. */
bool handler_rest(struct request *request);

/* Takes over the process's pidfd. On failure it is killed, and nobody's. */
int child_watch(struct request *request, struct child *child, const struct process *process,
		watch_fn *on_exit_fn);
int handler_watch(struct request *request, const struct process *process);
void child_kill(const struct child *child);
/* Its exit callback is due, or put off. */
bool child_has_ended(const struct child *child);
/* All that they have reported so far. It may be decided then. */
void children_drain(struct request *request);
/* Their fds; they themselves are nobody's then. */
void children_clear(struct request *request);
/* Who is no child of any request's, and has ended. */
void strays_reap(const struct hands *hands);

/* How it went. Acts once; kills what runs. */
void request_decide(struct request *request, enum worker_outcome outcome, enum worker_step step,
		    int error);
/* True: it was decided and nothing of it is left; the request is gone. */
bool request_try_finish(struct request *request);
/* What is in its leaf is killed, and the end of that looked for. */
void request_leaf_end(struct request *request);
/* With a result, whatever is left. */
void request_abandon(struct request *request);
/* Without a result and without an answer to the kernel. */
void request_free(struct request *request);

/* Watches of its children and of the upcall fd. */
void request_on_entrant_exit(struct watch *watch, short revents);
void request_on_handler_exit(struct watch *watch, short revents);
void request_on_handler_report(struct watch *watch, short revents);
void request_on_answerer_exit(struct watch *watch, short revents);
void request_on_answerer_report(struct watch *watch, short revents);
void request_on_upcall(struct watch *watch, short revents);

#endif
