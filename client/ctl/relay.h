/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between us and a command in a container: bytes, and nothing but bytes
 */
#ifndef UPCALLCTL_RELAY_H
#define UPCALLCTL_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "worker.h"

struct carrier;

struct relay {
	/* ---- not owned ---- */
	int channel;		 /* the worker's word */
	int sockets[3];		 /* other ends of its fds 0, 1 and 2 */
	struct carrier *carrier; /* of what it gets to read; NULL: nothing */
	int input;		 /* where that comes from */
	/* Takes what it printed to fd 1 or 2. Negative errno: that is enough. */
	int (*print)(void *data, int fd, char *bytes, size_t size);
	void *data;
	unsigned int seconds; /* the worker has so long to say how it ended */
};

/*
 * Until it has ended. -ECONNRESET: the worker has gone; -ETIMEDOUT; -EBADMSG: it said
 * what is no result of ours; or what print() returned.
 */
int relay_run(const struct relay *relay, struct worker_result *ret);

/*
 * A print(): to our own fd of that number. A terminal gets no control characters of
 * the container's: there are some that type.
 */
int relay_print(void *data, int fd, char *bytes, size_t size);
/* Replace them, in place; utf8: what the terminal takes bytes for. */
void relay_tame(char *bytes, size_t size, bool utf8);

#endif
