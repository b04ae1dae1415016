/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be true before the worker touches a container. */
#ifndef UPCALL_WORKER_GUARD_H
#define UPCALL_WORKER_GUARD_H

/* -ENOTSUP: the machine makes crashing set-uid programs readable (fs.suid_dumpable=1). */
int guard_process(void);
/* The same, of now; after guard_process(). */
int guard_check_dumpable(void);
/*
 * A null device in a file system of our own: who gets it may change its mode, its
 * owner and its times, and watch who uses it.
 */
int guard_null_open(void);
/* The host's /proc, O_PATH, to look up what is a child's own; the caller's. */
int guard_proc_open(void);

#endif
