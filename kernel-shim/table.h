/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of registered containers
 */
#ifndef UPCALL_SHIM_TABLE_H
#define UPCALL_SHIM_TABLE_H

#include "entry.h"

int table_init(void);
void table_exit(void);

/* The table's own works, and those of tombstone.c. */
extern struct workqueue_struct *table_workqueue;

/* No entry at all: the common case on a machine where nothing is registered. */
bool table_is_empty(void);

/* The errors are those of UPCALL_IOC_CONTAINER_ADD in upcall.h. */
int table_add(struct upcall_container *container);
int table_set_policy(const struct upcall_container *container);
int table_del(u64 id);
int table_next(struct upcall_container *container);
/* Take it out if it is empty. True: it is out, whoever has done that. */
bool table_del_empty(struct table_entry *entry, bool (*is_empty)(const struct table_entry *entry));

enum upcall_verdict table_verdict(struct table_entry *entry, enum upcall_class class,
				  const char *key_type);

/*
 * All that have a cgroup namespace of their own, with a reference each, in an array that
 * is the caller's to kvfree(); none where no policy has a section for release agents.
 * Returns how many, or -ENOMEM. May sleep.
 */
int table_get_releasers(struct table_entry ***entries);

/*
 * Call fn for each entry that is indexed under the key. Under RCU. A mount namespace's
 * number may be used again once the leader has left: see tombstone_leader_holds_mnt().
 */
typedef void (*table_visitor)(struct table_entry *entry, void *arg);
void table_visit(enum index_kind kind, u64 key, table_visitor fn, void *arg);

/*
 * Tombstones (tombstone.c): entries whose leader has died, or left. Everything of
 * them is DENY.
 */

/* When nothing is watched any more. */
void tombstone_exit(void);

/* One has been taken out: it is not kept any longer. */
void tombstone_drop(void);

/* From then on the leader's death makes it one, without anybody asking. */
void tombstone_watch(struct table_entry *entry);
void tombstone_unwatch(struct table_entry *entry);

/*
 * Is it one? It is if its leader does not live with all the namespaces that it was
 * registered with, and stays so whatever the leader does then. Under RCU.
 */
bool tombstone_is(struct table_entry *entry);
/* Does anybody live in it? -ENOENT: there is none. May sleep. */
int cgroup_id_populated(u64 id);
/* Also of a tombstone, whose leader may have left but some other namespace. Under RCU. */
bool tombstone_leader_holds_mnt(const struct table_entry *entry);

#endif
