/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of ours in a container, run by its worker: what verbs share
 */
#ifndef UPCALLCTL_VISIT_H
#define UPCALLCTL_VISIT_H

#include <stdbool.h>
#include <stdint.h>

#include "carrier.h"
#include "relay.h"
#include "verb.h"

/* How long a worker takes for entering and for clearing up, and some. */
#define VISIT_SLACK_SECONDS 60

struct visit {
	int channel;
	int sockets[3]; /* other ends of its fds 0, 1 and 2 */
	struct carrier carrier;
};

#define VISIT_NULL ((struct visit){ -1, { -1, -1, -1 }, CARRIER_NULL })

/*
 * The worker has it. Fds 0 to 2 have to be open. argv ends with NULL; argv[0] is an absolute path
 * in the container, or with `probe` the name of a program of ours, which gets nothing to read. Else
 * a sentence has been printed, and the exit status of a verb is returned, with nothing
 * begun; negative is what goes well.
 */
int visit_begin(const struct verb *verb, const char *name, char *const *argv, uint32_t seconds,
		bool probe, struct visit *ret);
/* Closed before its end, everything of it is killed. Negative: see carrier_end(). */
int visit_end(struct visit *visit);

/* One word: exited, killed, oom-killed, timeout, exec-failed, entry-failed, gone. */
const char *visit_outcome(const struct worker_result *result);

#endif
