/* SPDX-License-Identifier: GPL-2.0-only */
/* How many tasks of containers may be dumping core. */
#ifndef UPCALL_SHIM_CORES_H
#define UPCALL_SHIM_CORES_H

#include <linux/types.h>

/*
 * The current task dumps core, for whose share says a number: of a container, of the
 * cgroup of one that may be adopted, or 0 for nobody; and whether the container is one
 * that an ordinary user has registered, or nobody yet. -EDQUOT: one too many.
 */
int cores_enter(u64 owner, bool crowd);
/* Nobody is in cores_enter() any more. */
void cores_exit(void);

#endif
