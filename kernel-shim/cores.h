/* SPDX-License-Identifier: GPL-2.0-only */
/* How many tasks of containers may be dumping core. */
#ifndef UPCALL_SHIM_CORES_H
#define UPCALL_SHIM_CORES_H

struct table_entry;

/* The current task dumps core, of the container or (NULL) of nobody. -EDQUOT: one too many. */
int cores_enter(const struct table_entry *entry);
/* Nobody is in cores_enter() any more. */
void cores_exit(void);

#endif
