/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Children of the worker: born in their cgroup, watched by pidfd. */
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
 * Where a child is born: in these of the namespaces of the process of `pidfd`
 * (CLONE_NEWPID, CLONE_NEWNS, CLONE_NEWNET; 0: in ours).
 */
struct birthplace {
	int pidfd;
	int namespaces;
};

#define BIRTHPLACE_OURS ((struct birthplace){ .pidfd = -1 })

/*
 * fork() into a cgroup (leaf_fd, -1: ours) and a birthplace. 1: we are the child.
 * 0: parent, *ret is set. Negative: nothing was forked.
 */
int spawn(int leaf_fd, const struct birthplace *place, struct process *ret);

/* The same of one that the kernel is to kill first where memory is short. */
int spawn_handler(int leaf_fd, const struct birthplace *place, struct process *ret);

/*
 * fork() of one who has the caller's parent for a parent, and is in the pid
 * namespace that setns() chose. 1: we are that one. 0: *ret is its pid in the
 * caller's pid namespace.
 */
int spawn_sibling(pid_t *ret);

/* A child that we did not fork ourselves. -ECHILD: it is none. */
int process_adopt(pid_t pid, struct process *ret);

void process_kill(const struct process *process);

#endif
