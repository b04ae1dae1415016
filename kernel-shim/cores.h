/* SPDX-License-Identifier: GPL-2.0-only */
/* How many tasks of containers may be dumping core. */
#ifndef UPCALL_SHIM_CORES_H
#define UPCALL_SHIM_CORES_H

#include <linux/types.h>

/* Whom root has not registered: who makes these may have many. */
enum cores_crowd {
	CORES_OF_NONE,
	CORES_OF_USERS,	     /* registered by ordinary users */
	CORES_OF_ADOPTABLE, /* nobody has yet */
};

/*
 * The current task dumps core, for whose share says a number: of a container, of the
 * cgroup of one that may be adopted, or 0 for nobody. -EDQUOT: one too many.
 */
int cores_enter(u64 owner, enum cores_crowd crowd);
/* Nobody is in cores_enter() any more. */
void cores_exit(void);

#endif
