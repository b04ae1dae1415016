/* SPDX-License-Identifier: GPL-2.0-only */
/* How many tasks of containers may be dumping core. */
#ifndef UPCALL_SHIM_CORES_H
#define UPCALL_SHIM_CORES_H

struct subject;

/* The current task, whom @subject is about, dumps core. -EDQUOT: one too many. */
int cores_enter(const struct subject *subject);
/* Nobody is in cores_enter() any more. */
void cores_exit(void);

#endif
