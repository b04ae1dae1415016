/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of registered containers
 *
 * An entry names its container by things that are never reused, or that are
 * compared only while they cannot be: it holds references on the leader's
 * struct pid, pid namespace and user namespace, so these are compared as
 * pointers; network namespaces are compared by cookie and cgroups by id, both
 * 64 bit and never handed out twice; mount namespaces, which modules can
 * neither hold nor tell apart for ever, by inode number and only while the
 * leader lives in one.
 */
#ifndef UPCALL_SHIM_TABLE_H
#define UPCALL_SHIM_TABLE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/refcount.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "queue.h"
#include "upcall.h"

struct cgroup_namespace;
struct pid_namespace;
struct user_namespace;

struct table_policy {
	struct rcu_head rcu;
	struct upcall_policy uapi;
};

/* What entries are found by, and what the key is. */
enum index_kind {
	INDEX_CGROUP,  /* id */
	INDEX_PID_NS,  /* address */
	INDEX_USER_NS, /* address */
	INDEX_MNT,     /* inode number */
	INDEX_NET,     /* cookie */
	/* these two under table_mutex */
	INDEX_LEADER,  /* address of its struct pid */
	INDEX_NAME,    /* hash */
	INDEX_COUNT
};

struct table_index {
	struct hlist_node node;
	u64 key;
	struct table_entry *entry; /* that it is part of */
};

struct table_entry {
	struct list_head link; /* table, in order of ids */
	struct table_index index[INDEX_COUNT];

	refcount_t refs;
	struct rcu_work free;

	u64 id;
	char name[UPCALL_NAME_LEN];
	struct pid *leader;
	u64 start_time;
	struct pid_namespace *pid_ns;
	struct user_namespace *user_ns;
	u32 ns[UPCALL_NS_COUNT];
	u32 own_ns; /* mask: which of them are not the initial ones */
	u32 owner; /* a uid; 0: nobody said that it is his */
	u64 net_cookie;
	u64 cgroup_id;
	bool cgroup_shared; /* nobody has named it: others may be in it */
	struct cgroup_namespace *cgroup_ns; /* its own: for release agents; or NULL */
	bool releases;	     /* its policy has a section for release agents; kept by a tombstone */
	bool leader_is_init; /* of a pid namespace of its own: nobody in it outlives it */

	struct table_policy __rcu *policy;
	atomic_t tombstone; /* 1: it is one */
	struct llist_node tombstone_link;
	struct queue_share share;
	wait_queue_entry_t leader_watch;
};

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

struct table_entry *table_entry_get(struct table_entry *entry);
void table_entry_put(struct table_entry *entry);

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
