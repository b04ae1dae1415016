/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The leaf cgroup of one upcall: upcall-ID below its container's leader's.
 *
 * It is charged to the container, killed as a whole, and tells the shim which
 * upcall a nested one comes from.
 */
#ifndef UPCALL_WORKER_LEAF_H
#define UPCALL_WORKER_LEAF_H

#include <stdbool.h>
#include <stdint.h>

#include "leader.h"
#include "worker.h"

struct leaf {
	int parent_fd;	    /* directory above it; owned */
	int fd;		    /* its own directory, O_PATH; owned; -1: there is none */
	uint64_t inode;	    /* = its cgroup id */
	uint64_t oom_kills; /* in its parent, before anything ran in the leaf */
	char name[32];
};

#define LEAF_NULL ((struct leaf){ .parent_fd = -1, .fd = -1 })

/* -EKEYREJECTED: the leader is not in the registered cgroup. */
int leaf_create(const struct worker_request *request, const struct leader *leader,
		struct leaf *ret);

/* SIGKILL for everything in it, also what a fork is just adding. */
int leaf_kill(const struct leaf *leaf);

/* An fd that is POLLPRI when the leaf has become empty, or not; the caller's. */
int leaf_open_events(const struct leaf *leaf);
/* Empty? To be asked after opening the fd too, and on each POLLPRI. */
bool leaf_is_empty(int events_fd);

/* Has the kernel killed for want of memory, in the leaf or beside it, since it was created? */
bool leaf_oom_killed(const struct leaf *leaf);

/* Remove it if it is empty, and forget it either way; a later sweep takes the rest. */
void leaf_clear(struct leaf *leaf);

#endif
