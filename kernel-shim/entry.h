/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An entry of the table
 *
 * An entry names its container by things that are never reused, or that are
 * compared only while they cannot be: it holds references on the leader's
 * struct pid, pid namespace and user namespace, so these are compared as
 * pointers; network namespaces are compared by cookie and cgroups by id, both
 * 64 bit and never handed out twice; mount namespaces, which modules can
 * neither hold nor tell apart for ever, by inode number and only while the
 * leader lives in one.
 */
#ifndef UPCALL_SHIM_ENTRY_H
#define UPCALL_SHIM_ENTRY_H

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
	u64 key; /* 0: it is not found by this */
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

/* EINVAL: it is none that can be. May sleep. The caller's to kfree(), or an entry's. */
struct table_policy *table_policy_new(const struct upcall_policy *uapi);

/* With one reference, and in no table yet. The errors are those of table_add(). May sleep. */
struct table_entry *table_entry_new(const struct upcall_container *container);

/* All of it but the policy. Its tombstone may be noticed by that. */
void table_entry_tell(struct table_entry *entry, struct upcall_container *container);

/* NULL: it is being freed. */
struct table_entry *table_entry_get(struct table_entry *entry);
void table_entry_put(struct table_entry *entry);

#endif
