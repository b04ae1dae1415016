/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One container's upcalls, and the way to its worker
 *
 * An upcall waits until MaxConcurrent= of its section lets it, then until there
 * is a worker; only then it is claimed. Until then the kernel holds it, so there
 * is nothing to lose. A lane comes into being with the first upcall and ends
 * with the last one once its worker has gone; it may outlive its container,
 * because a handler may.
 */
#ifndef UPCALLD_LANE_H
#define UPCALLD_LANE_H

#include "container.h"
#include "launcher.h"
#include "record.h"
#include "stood.h"
#include "worker-link.h"

/* More than that wait for nobody: EDQUOT. */
#define LANE_WAITING_MAX 64
/* A worker that could not be started is not tried again before; doubled with each further failure. */
#define LANE_RETRY_SECONDS   1.
#define LANE_RETRY_DOUBLINGS 3
/* One that dies with what it was given may have been killed; twice in a row it cannot work. */
#define LANE_FAILURES 2
/*
 * What a worker may take for one upcall besides the handler's own time: the
 * kernel's from claim to attach, the end of what it has killed, and some.
 */
#define LANE_ATTACH_SECONDS  25.
#define LANE_CLEANUP_SECONDS 5.
#define LANE_SLACK_SECONDS   5.
/* Counted in looks, of which those do not count that the machine was late for: stood.h */
#define LANE_LOOK_SECONDS (STOOD_LOOK_MS / 1000.)
/* The worker ends a handler at its time; the kernel, so much later, what nobody has ended. */
#define LANE_RUN_SLACK_MS 5000
/* So many a worker takes at a time, REQUEST_MAX of worker/hands.h; the others wait in its socket. */
#define LANE_WORKER_ROOM 64

struct ending;
struct queue;

enum upcall_phase {
	UPCALL_WAITING = 0, /* for quota: in lane->waiting */
	UPCALL_STARTING,    /* for a worker: in lane->active from here on */
	UPCALL_CLAIMED,	    /* ours, but the worker's socket is full */
	UPCALL_HANDED,	    /* the worker's */
	UPCALL_LOST,	    /* its worker died: in queue->lost until the kernel offers it again */
};

/* An upcall that we do something about. */
struct upcall {
	struct hash_node by_id; /* queue's, unless superseded */
	struct list link;	/* one of: lane->waiting, lane->active, queue->lost */
	struct lane *lane;	/* NULL once lost */
	enum upcall_phase phase;
	bool superseded; /* the kernel has offered it again: no record of this one */
	bool cancelled;	 /* it has ended; only its worker has to notice */
	int fd;		 /* UPCALL_CLAIMED: ours; else -1 */
	ev_timer looks;	 /* UPCALL_HANDED: for its result */
	unsigned int looks_left;
	double looked_at; /* by clock_now() */
	uint64_t sweep;	  /* UPCALL_WAITING: the last that found it still offered */
	struct facts facts;
	char container[UPCALL_NAME_LEN]; /* for the record, when the container has gone */
	uint32_t uid;			 /* the same: who has registered it */
	const char *owner_rule;
	struct config *config; /* reference: rule is in it */
	const struct rule *rule;
	const struct policy *policy; /* in it, too */
	double begun;		     /* these by clock_now() */
	double handed_at;	     /* UPCALL_HANDED */
	double lost_at;
};

struct lane {
	struct queue *queue;
	struct container *container; /* NULL: gone */
	char name[UPCALL_NAME_LEN];
	struct list link; /* queue->lanes */
	struct list waiting;
	struct list active;
	struct list visits; /* that wait for the worker: visit.h */
	unsigned int waiting_count;
	unsigned int active_count;
	struct worker_link worker;
	struct worker_link_client worker_client;
	struct launch *launch; /* under way, or NULL */
	struct launch_client launch_client;
	double retry_at;       /* by clock_now() */
	unsigned int failures; /* of workers in a row, without one result */
};

/* The container's lane, made if need be. NULL: no memory. */
struct lane *lane_of(struct queue *queue, struct container *container);
/* The upcall is the lane's from here on, however it ends. */
void lane_offer(struct lane *lane, struct upcall *upcall);
/* The container goes: refuse what waits. */
void lane_detach(struct lane *lane, bool unregistered);
/*
 * Stop the worker of that name, unless somebody else has the name: another lane
 * than this, another registered container than this; both may be NULL.
 */
void lane_stop_worker(struct queue *queue, const char *name, const struct lane *lane,
		      const struct container *container);
/* The daemon goes: forget everything; what the kernel holds stays there. */
void lane_free(struct lane *lane);

/* ---- between lane.c and lane-hand.c ---- */

static inline bool upcall_is_handed(const struct upcall *upcall)
{
	return upcall->phase == UPCALL_HANDED;
}

/* Out of the lane; what happens to it is the caller's. */
void lane_take_out(struct upcall *upcall);
/* The kernel has its answer. */
void lane_end(struct upcall *upcall, const struct ending *ending);
/* Not ours any more, and no record: the kernel still offers it, or will again. */
void lane_forget(struct upcall *upcall);
/* requester_error: what its requester gets; error: for the record, positive or 0. */
void lane_refuse(struct upcall *upcall, int requester_error, const char *reason, int error);
/* Something has changed: let in what waits, in its order, and hand it on. May free the lane. */
void lane_fill(struct lane *lane);

void lane_hand_init(struct lane *lane);
/* A new upcall, before anything else. */
void lane_hand_prepare(struct upcall *upcall);
bool lane_has_unhanded(const struct lane *lane);
/* Hand on what only waits for a worker. */
void lane_pump(struct lane *lane);

#endif
