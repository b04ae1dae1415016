/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A launcher for tests of the brain, which play the worker that it starts
 */
#ifndef TEST_FAKE_LAUNCHER_H
#define TEST_FAKE_LAUNCHER_H

#include "launcher.h"
#include "worker.h"

struct fake_launcher {
	struct launcher base;
	struct launch_client *launching; /* a start under way */
	int start_error;		 /* what a start returns; 0: a connection */
	int worker;			 /* the worker's end of the last one, or -1 */
	unsigned int starts, stops, cancels;
};

void fake_launcher_init(struct fake_launcher *fake);
void fake_launcher_end(struct fake_launcher *fake);
/* There is a worker, in place of the one before: the brain's end, or a negative errno. */
int fake_launcher_connect(struct fake_launcher *fake);

#define FAKE_LAUNCHER_FDS 4
/* Take one request as the worker: the number of its fds, which are the caller's. -1: there is none.
 */
int fake_launcher_take(struct fake_launcher *fake, struct worker_request *request,
		       int fds[static FAKE_LAUNCHER_FDS]);

#endif
