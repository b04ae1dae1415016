/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One upcall in the worker's hands, from the packet to the result.
 */
#ifndef UPCALL_WORKER_REQUEST_H
#define UPCALL_WORKER_REQUEST_H

#include "hands.h"
#include "packet.h"

/*
 * Consumes the fds, always, and answers the upcall, always. The result goes to
 * connection_send() with connection_id, perhaps before this returns; a visit's
 * goes into its channel.
 */
void request_start(struct hands *hands, uint64_t connection_id, const struct worker_request *wire,
		   struct worker_fds *fds);

/*
 * All are ended without a result: upcalld sees us go, and takes that as it takes any worker's
 * death. A handler of the container's that has its upcall goes on, and its leaf stays: the kernel
 * half knows its time, and its end; not of what it has started. The others are killed, and what no
 * child has taken over is in the queue again once nothing of it is left here.
 */
void requests_end(struct hands *hands);

/* There are some: when they must be looked at, by request_expire(). */
int64_t request_next_deadline(struct hands *hands);
void request_expire(struct hands *hands);
/* After each wait for that: for struct loop. */
void request_woken(struct loop *loop);

#endif
