/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries that a task may belong to
 *
 * A set is what one kind of place gives, or what several agree in. Where more are found by
 * the same keys than it has room for, it is a crowd: it has some of them, and of each other
 * one can be asked, by its keys, whether it is in the set.
 */
#ifndef UPCALL_SHIM_MATCH_SET_H
#define UPCALL_SHIM_MATCH_SET_H

#include "match.h"
#include "table.h"

#define MATCH_KINDS (INDEX_NET + 1)

struct match_set {
	const struct task_facts *facts;
	struct table_entry *entry[MATCH_MAX]; /* borrowed */
	unsigned int count;
	bool overflow;	      /* a crowd: there are more, but of each can be asked */
	u64 key[MATCH_KINDS]; /* by which they were found; 0: not by that kind */
};

/* All but the first under RCU. The facts are borrowed, too. */
void match_set_empty(struct match_set *set, const struct task_facts *facts);

/* Visitors (table.h), whose argument is the set: of any entry, and not of who is elsewhere. */
void match_set_put(struct table_entry *entry, void *set);
void match_set_add(struct table_entry *entry, void *set);

/* Into an empty one: whom `fn` takes of those found by this key. */
void match_set_visit(struct match_set *set, enum index_kind kind, u64 key, table_visitor fn);

/* Into an empty one: who is nearest by descent. */
void match_set_from_cgroup(struct match_set *set);
void match_set_from_pid_ns(struct match_set *set);
void match_set_from_user_ns(struct match_set *set, struct user_namespace *ns, table_visitor fn);

/* Into an empty one: by the mount namespace, where its number tells. */
void match_set_from_mnt(struct match_set *set);

/* Is it exactly one? */
bool match_set_decides(const struct match_set *set);

/*
 * Narrow `set` by what another kind says; false: they disagree and none is nearer,
 * and it may be anybody's of both.
 */
bool match_set_narrow(struct match_set *set, const struct match_set *other);

#endif
