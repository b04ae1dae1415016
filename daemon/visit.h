/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A visit on its way to the container's worker; proto/worker.h says what it is
 *
 * It waits for the worker and for nothing else. Once that has it, it is between
 * the worker and the visitor: it outlives us.
 */
#ifndef UPCALLD_VISIT_H
#define UPCALLD_VISIT_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "list.h"

/* For which a visit may run. */
#define VISIT_SECONDS_MAX 86400

struct lane;

/* Embedded in what whoever asked keeps of it. */
struct visit {
	struct list link; /* lane->visits */
	int channel;	  /* the asker's to close, after done() */
	uint64_t id;	  /* drawn by visit_draw_id() */
	uint32_t run_ms;
	bool probe; /* of a program of ours, that raises an upcall */
	/* It is in no list any more. failure NULL: the worker has it. */
	void (*done)(struct visit *visit, const struct failure *failure);
};

/* An id that no upcall has. Negative: there is none to be had. */
int visit_draw_id(struct visit *visit);
/* done() is called, perhaps before this returns. */
void lane_visit(struct lane *lane, struct visit *visit);

/* ---- for lane.c and lane-hand.c ---- */

/* Give the worker, whose link is open, all that wait. Negative: it is of no use any more. */
int visits_hand(struct lane *lane);
/* error: positive, or 0. */
void visits_refuse(struct lane *lane, const char *reason, int error);

#endif
