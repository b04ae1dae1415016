/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs of ours may do inside a container
 *
 * They run without the container's own seccomp filter. Whoever traces one of them
 * gets no more from it than this: a few system calls, fewer than any container's
 * filter leaves.
 */
#ifndef UPCALL_WORKER_FILTER_H
#define UPCALL_WORKER_FILTER_H

/* Before the first filter_apply(). Negative: an errno, or libseccomp's word for one. */
int filter_init(void);

/*
 * For the caller and all that it forks and executes, for good; it must have no new
 * privileges. `handler` (enum worker_handler) says whose list. What is not on it
 * fails with EPERM.
 */
int filter_apply(unsigned int handler);

#endif
