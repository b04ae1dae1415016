/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker's socket and the connections of upcalld. */
#ifndef UPCALL_WORKER_LISTEN_H
#define UPCALL_WORKER_LISTEN_H

#include "hands.h"

/* fd is consumed, on failure too. */
int listen_start(struct hands *hands, int fd);
int connection_add(struct hands *hands, int fd);
/* To that connection, if it is still there. A lost result costs a record, no upcall. */
void connection_send(struct hands *hands, uint64_t id, const struct worker_result *result);
/* Before each round: what we cannot take waits in the socket, and upcalld with it. */
void connection_throttle(struct hands *hands);
/*
 * Nobody is listened to any more. What lies in a connection, or comes to the socket, waits until
 * we have gone: then an upcall is another worker's, if it has that long. Results are still sent.
 */
void listen_end(struct hands *hands);
/* Nothing will come any more. */
bool listen_is_over(const struct hands *hands);
bool connection_is_any(const struct hands *hands);

#endif
