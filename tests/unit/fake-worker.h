/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of a visit's channel, without a container: the command is run as it
 * is, by a child of the caller's, and how it ended is told.
 */
#ifndef FAKE_WORKER_H
#define FAKE_WORKER_H

#include <stdbool.h>

#include "worker.h"

struct fake_worker {
	const char *program;	     /* run in place of argv[0]; NULL: that one */
	uint32_t pid;		     /* that it is said to have; 0: its own */
	bool dies;		     /* says nothing at the command's end */
	struct worker_result result; /* told at once, if its protocol is not 0 */
};

/* The channel is consumed. */
void fake_worker_visit(const struct fake_worker *worker, int channel);

#endif
