/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker as a whole: what all its upcalls share. */
#ifndef UPCALL_WORKER_HANDS_H
#define UPCALL_WORKER_HANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "traced.h"
#include "worker.h"

struct request;

#define CONNECTION_MAX 4
#define REQUEST_MAX    64

struct hands;

/* One peer of ours. Embedded in hands; id 0: free. */
struct connection {
	struct watch watch; /* owns its fd */
	struct hands *hands;
	uint64_t id; /* never reused: a request outlives its connection */
};

struct hands {
	struct loop loop;
	struct watch listener; /* owns its fd; -1: started with a connection */
	bool deaf;	       /* nothing new is taken */
	struct watch ending;   /* owns its fd; -1: told to end */
	int64_t end_ms;	       /* when all requests are ended; 0: not yet known, or they are */
	struct connection connections[CONNECTION_MAX];
	uint64_t next_connection_id;
	struct request *requests; /* owned */
	unsigned int request_count;
	int null_fd; /* owned; a null device of the worker's own */
	int proc_fd; /* owned; the host's /proc, for children that are born elsewhere */
	const char *dns_path;
	int dns_fd; /* owned; the dns handler in sealed memory, -1 until it is needed */
	const char *probe_path;
	int probe_fd; /* owned; the same for probes */
	struct traced traced;
	int64_t idle_ms;
	int64_t looked_ms; /* when time was looked at */
	int64_t look_ms;   /* when it is again, at the latest; 0: for nobody */
};

#endif
