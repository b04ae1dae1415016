/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child's way from the worker's copy to the handler. */
#ifndef UPCALL_WORKER_ENTER_H
#define UPCALL_WORKER_ENTER_H

#include <stdbool.h>

#include "command.h"
#include "leader.h"
#include "leaf.h"
#include "profile.h"

/* All that a child needs; it changes its own copy. The fds are the worker's. */
struct enter {
	const struct worker_request *request;
	const struct command *command;
	const struct profile *profile;
	struct leader leader;
	uint64_t leaf_inode;
	int upcall_fd;
	int pidfd;   /* of the leader; -1: on the host */
	int null_fd; /* a null device of the worker's own */
	int proc_fd; /* the host's /proc; not kept */
	int in_fd;   /* these become fds 0, 1 and 2; -1: the null device does */
	int out_fd;
	int err_fd;
	int exec_fd;  /* program in sealed memory; -1: command->path */
	int label_fd; /* opened by the child itself: the kernel takes no other's */
	int report_fd;
};

/*
 * Which of the container's namespaces the child is born in (CLONE_NEW…; 0: none).
 * Its user namespace keeps everybody inside from a process that is not dumpable
 * and of the host; but mounts and sockets of whoever can be seen in /proc are
 * shown to all, so these are the container's from the first instruction.
 */
int enter_birthplace(const struct worker_request *request);
/*
 * There is no user namespace to keep them: who becomes the handler is not the
 * child, but a sibling that it reports (REPORT_BORN).
 */
bool enter_has_sibling(const struct worker_request *request);

/*
 * Its capabilities are those of the container's user namespace, and ATTACH, which
 * it comes to, cuts them in one step: no need to do it in forty before.
 */
bool enter_is_cut_by_attach(const struct enter *enter);

/* In the child. Ends in exec or, after a report of the step and its errno, in exit status 127. */
_Noreturn void enter_run(struct enter *enter);

#endif
