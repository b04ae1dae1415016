/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be true before the worker touches a container. */
#ifndef UPCALL_WORKER_GUARD_H
#define UPCALL_WORKER_GUARD_H

/* -ENOTSUP: the machine makes crashing set-uid programs readable (fs.suid_dumpable=1). */
int guard_process(void);
/* The host's /dev/null, or negative errno; -ENODEV: something else is there. */
int guard_null_open(void);

#endif
