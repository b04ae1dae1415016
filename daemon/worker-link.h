/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to one container's worker
 *
 * A packet socket that is never waited for. What is under way belongs to the
 * client; a packet that is not of our version and size ends the connection.
 */
#ifndef UPCALLD_WORKER_LINK_H
#define UPCALLD_WORKER_LINK_H

#include <ev.h>
#include <stdbool.h>

#include "worker.h"

struct worker_link;

struct worker_link_client {
	void (*result)(struct worker_link_client *client, const struct worker_result *result);
	/* After -EAGAIN: it may go now. */
	void (*writable)(struct worker_link_client *client);
	/* The worker has gone, or cannot be watched; the link is closed already. */
	void (*closed)(struct worker_link_client *client);
};

struct worker_link {
	struct ev_loop *loop;
	struct worker_link_client *client;
	int fd; /* -1: closed */
	ev_io in;
	ev_io out;
	ev_timer again;
};

void worker_link_init(struct worker_link *link, struct ev_loop *loop,
		      struct worker_link_client *client);
/* Consumes fd. */
void worker_link_open(struct worker_link *link, int fd);
bool worker_link_is_open(const struct worker_link *link);
/* The client is not told. */
void worker_link_close(struct worker_link *link);

/*
 * No fd is consumed. 0: the worker has them. -EAGAIN: writable() will be called. Anything else: the
 * link is of no use any more, and to be closed.
 */
int worker_link_send(struct worker_link *link, const struct worker_request *request,
		     const struct worker_fds *fds);

#endif
