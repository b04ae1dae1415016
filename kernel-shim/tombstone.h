/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of the table whose leader has died, or left: everything of them is DENY. */
#ifndef UPCALL_SHIM_TOMBSTONE_H
#define UPCALL_SHIM_TOMBSTONE_H

#include <linux/types.h>

struct table_entry;
struct workqueue_struct;

/* The queue is the caller's, and stays until after tombstone_exit(). */
void tombstone_init(struct workqueue_struct *workqueue);
/* When nothing is watched any more. */
void tombstone_exit(void);

/* From then on the leader's death makes it one, without anybody asking. */
void tombstone_watch(struct table_entry *entry);
void tombstone_unwatch(struct table_entry *entry);

/*
 * Is it one? It is if its leader does not live with all the namespaces that it was
 * registered with, and stays so whatever the leader does then. Under RCU.
 */
bool tombstone_is(struct table_entry *entry);
/* Also of a tombstone, whose leader may have left but some other namespace. Under RCU. */
bool tombstone_leader_holds_mnt(const struct table_entry *entry);

#endif
