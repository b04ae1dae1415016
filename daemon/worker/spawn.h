/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Children of the worker: born in their cgroup and pid namespace, watched by pidfd. */
#ifndef UPCALL_WORKER_SPAWN_H
#define UPCALL_WORKER_SPAWN_H

#include <sys/types.h>

#include "worker.h"

struct process {
	pid_t pid; /* in the worker's pid namespace */
	int pidfd; /* owned by whoever watches it */
};

#define PROCESS_NULL ((struct process){ .pid = 0, .pidfd = -1 })

/* Once, before the first spawn(). */
int spawn_init(void);

/*
 * fork() into a cgroup (leaf_fd, -1: ours) and the pid namespace of the process
 * of leader_pidfd (-1: ours). 1: we are the child. 0: parent, *ret is set.
 * Negative: nothing was forked, *ret_step says why.
 */
int spawn(int leaf_fd, int leader_pidfd, struct process *ret, enum worker_step *ret_step);

void process_kill(const struct process *process);

#endif
