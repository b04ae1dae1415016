/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of proto/worker.h on a socket. */
#ifndef UPCALL_WORKER_PACKET_H
#define UPCALL_WORKER_PACKET_H

#include <stddef.h>

#include "worker.h"

/* Room for more than we take, so that too many are seen and closed, not cut off. */
#define PACKET_FDS_ROOM 8

void packet_fds_close(struct worker_fds *fds);

struct msghdr;
/* All fds of all control messages, so that none stays open unseen: the caller's. How many. */
size_t packet_take_fds(struct msghdr *message, int fds[static PACKET_FDS_ROOM]);

/* -EBADMSG: a packet that no upcalld of our version sends; the connection ends. */
int packet_check_frame(const void *data, size_t size);

/* -EINVAL: a request that is refused as a whole, with a result. */
int packet_check_request(const struct worker_request *request);

/*
 * One request with its fds, which are the caller's on 0 only.
 * -EAGAIN nothing there, -ECONNRESET closed, -EBADMSG the connection must end.
 */
int packet_receive(int socket, struct worker_request *request, struct worker_fds *ret_fds);
int packet_send(int socket, const struct worker_result *result);

#endif
