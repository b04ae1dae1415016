// SPDX-License-Identifier: GPL-2.0-only
/* The entries that a task may belong to: who is found by what, and which of them is nearest */
#include <linux/cgroup.h>
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>

#include "match-set.h"

static bool has_its_mnt_ns(const struct table_entry *entry, const struct task_facts *facts)
{
	return (entry->own_ns & BIT(UPCALL_NS_MNT)) &&
	       facts->ns[UPCALL_NS_MNT] == entry->ns[UPCALL_NS_MNT];
}

/*
 * Containers share namespaces: those of one user all have its user namespace,
 * those of a pod its network namespace. A task that is in another pid or user
 * namespace than the entry's is another container's, maybe one that nobody
 * registered, or stands around the container: nobody comes out of these two. Such
 * is a rootless engine, with all that it runs in the user namespace of its user.
 * Who is about to enter comes from the host's pid namespace.
 */
static bool is_elsewhere(const struct table_entry *entry, const struct task_facts *facts)
{
	if ((entry->own_ns & BIT(UPCALL_NS_PID)) && !pid_ns_within(facts->pid_ns, entry->pid_ns) &&
	    ((task_facts_foreign(facts) & BIT(UPCALL_NS_PID)) || !has_its_mnt_ns(entry, facts)))
		return true;
	return (entry->own_ns & BIT(UPCALL_NS_USER)) &&
	       !user_ns_within(facts->user_ns, entry->user_ns);
}

/* Its entries are left as they are, which saves time: nobody looks at more of them than count. */
void match_set_empty(struct match_set *set, const struct task_facts *facts)
{
	set->facts = facts;
	set->count = 0;
	set->overflow = false;
	memset(set->key, 0, sizeof(set->key));
}

void match_set_visit(struct match_set *set, enum index_kind kind, u64 key, table_visitor fn)
{
	table_visit(kind, key, fn, set);
	if (set->count)
		set->key[kind] = key;
}

bool match_set_decides(const struct match_set *set)
{
	return set->count == 1 && !set->overflow;
}

void match_set_put(struct table_entry *entry, void *arg)
{
	struct match_set *set = arg;

	if (set->count < MATCH_MAX)
		set->entry[set->count++] = entry;
	else
		set->overflow = true;
}

void match_set_add(struct table_entry *entry, void *arg)
{
	struct match_set *set = arg;

	if (!is_elsewhere(entry, set->facts))
		match_set_put(entry, set);
}

/*
 * Is a task in the container's cgroup inside the container? Its user namespace
 * tells where the container has its own; else its pid namespace: who is in one
 * around it is a supervisor, and may have a mount namespace of its own, unless he
 * is in the container's because he is about to enter. Where the container has only
 * a mount namespace, any but the host's is enough, because it can unshare it again
 * and must not be a host task for it.
 *
 * Where nobody has said that the cgroup is one container's, others may be in it: who
 * is in a pid namespace beside the container's is one of them, and who is about to
 * enter is found by the mount namespace alone (match_task()), as he is elsewhere. A user
 * namespace tells all the same: somebody who was put into that and not into the pid
 * namespace could make one beside it.
 */
static bool inside_besides_cgroup(const struct table_entry *entry, const struct task_facts *facts)
{
	if (entry->own_ns & BIT(UPCALL_NS_USER))
		return user_ns_within(facts->user_ns, entry->user_ns);
	if ((entry->own_ns & BIT(UPCALL_NS_PID)) && entry->cgroup_shared)
		return pid_ns_within(facts->pid_ns, entry->pid_ns);
	if (entry->own_ns & BIT(UPCALL_NS_PID))
		return facts->pid_ns == entry->pid_ns ||
		       !pid_ns_within(entry->pid_ns, facts->pid_ns) ||
		       has_its_mnt_ns(entry, facts);
	if (!(entry->own_ns & BIT(UPCALL_NS_MNT)))
		return false;
	/* an exiting task has left its namespaces already, but not for the host's */
	return !facts->ns[UPCALL_NS_MNT] || (task_facts_foreign(facts) & BIT(UPCALL_NS_MNT));
}

static void set_add_by_cgroup(struct table_entry *entry, void *arg)
{
	struct match_set *set = arg;

	/* not is_elsewhere(): the cgroup tells, whatever was unshared in it */
	if (inside_besides_cgroup(entry, set->facts))
		match_set_put(entry, set);
}

void match_set_from_cgroup(struct match_set *set)
{
	struct cgroup *cgroup;

	for (cgroup = set->facts->cgroup; cgroup && !set->count; cgroup = cgroup_parent(cgroup))
		match_set_visit(set, INDEX_CGROUP, cgroup_id(cgroup), set_add_by_cgroup);
}

void match_set_from_pid_ns(struct match_set *set)
{
	struct pid_namespace *ns;

	for (ns = set->facts->pid_ns; ns && !set->count; ns = ns->parent)
		match_set_visit(set, INDEX_PID_NS, (unsigned long)ns, match_set_add);
}

void match_set_from_user_ns(struct match_set *set, struct user_namespace *ns, table_visitor fn)
{
	for (; ns && !set->count; ns = ns->parent)
		match_set_visit(set, INDEX_USER_NS, (unsigned long)ns, fn);
}

/* The number may be used again once the leader has left: then it tells nothing. */
static void set_add_by_mnt(struct table_entry *entry, void *arg)
{
	if (tombstone_leader_holds_mnt(entry))
		match_set_add(entry, arg);
}

void match_set_from_mnt(struct match_set *set)
{
	match_set_visit(set, INDEX_MNT, set->facts->ns[UPCALL_NS_MNT], set_add_by_mnt);
}

static bool may_be_found_by(const struct table_entry *entry, enum index_kind kind,
			    const struct task_facts *facts)
{
	if (kind == INDEX_CGROUP)
		return inside_besides_cgroup(entry, facts);
	if (kind == INDEX_MNT && !tombstone_leader_holds_mnt(entry))
		return false;
	return !is_elsewhere(entry, facts);
}

/* Also one that there was no place for: in which order they were registered says nothing. */
static bool crowd_has(const struct match_set *set, const struct table_entry *entry)
{
	int kind;

	for (kind = 0; kind < MATCH_KINDS; kind++)
		if (set->key[kind] && entry->index[kind].key != set->key[kind])
			return false;
	for (kind = 0; kind < MATCH_KINDS; kind++)
		if (set->key[kind] && !may_be_found_by(entry, kind, set->facts))
			return false;
	return true;
}

/* Whoever is in a crowd is found by any of its keys; there are others, too. */
static void crowd_visit(const struct match_set *set, table_visitor fn, void *arg)
{
	int kind;

	for (kind = 0; kind < MATCH_KINDS; kind++) {
		if (!set->key[kind])
			continue;
		table_visit(kind, set->key[kind], fn, arg);
		return;
	}
}

static bool set_has(const struct match_set *set, const struct table_entry *entry)
{
	unsigned int i;

	if (set->overflow)
		return crowd_has(set, entry);
	for (i = 0; i < set->count; i++)
		if (set->entry[i] == entry)
			return true;
	return false;
}

static void set_put_if_had(struct table_entry *entry, void *arg)
{
	struct match_set *set = arg;

	if (crowd_has(set, entry))
		match_set_put(entry, set);
}

static void set_common(const struct match_set *a, const struct match_set *b,
		       struct match_set *common)
{
	const struct match_set *seen = a->overflow ? b : a;
	const struct match_set *asked = a->overflow ? a : b;
	unsigned int i;
	int kind;

	match_set_empty(common, a->facts);
	for (kind = 0; kind < MATCH_KINDS; kind++)
		common->key[kind] = a->key[kind] ?: b->key[kind];
	if (seen->overflow) {
		crowd_visit(common, set_put_if_had, common);
		return;
	}
	for (i = 0; i < seen->count; i++)
		if (set_has(asked, seen->entry[i]))
			match_set_put(seen->entry[i], common);
}

struct nesting {
	const struct match_set *all; /* of whom each is looked at */
	const struct match_set *of;  /* of a crowd only those that were seen */
	bool outward;		     /* are those of `of` inside those of `all`? */
	bool by_pid;		     /* none of `of` is missing, or all have the same of these */
	bool by_user;
	bool inside;
};

static bool entry_inside(const struct table_entry *inner, const struct table_entry *outer,
			 const struct nesting *nesting)
{
	if (nesting->by_pid && inner->pid_ns != outer->pid_ns &&
	    pid_ns_within(inner->pid_ns, outer->pid_ns))
		return true;
	return nesting->by_user && inner->user_ns != outer->user_ns &&
	       user_ns_within(inner->user_ns, outer->user_ns);
}

static void nesting_look(struct table_entry *entry, void *arg)
{
	struct nesting *nesting = arg;
	const struct match_set *of = nesting->of;
	unsigned int i;

	if (nesting->all->overflow && !crowd_has(nesting->all, entry))
		return;
	for (i = 0; i < of->count && nesting->inside; i++)
		nesting->inside = nesting->outward ? entry_inside(of->entry[i], entry, nesting) :
						     entry_inside(entry, of->entry[i], nesting);
}

static bool set_inside(const struct match_set *inner, const struct match_set *outer)
{
	struct nesting nesting = { .inside = true, .outward = !inner->overflow };
	unsigned int i;

	nesting.all = nesting.outward ? outer : inner;
	nesting.of = nesting.outward ? inner : outer;
	nesting.by_pid = !nesting.of->overflow || nesting.of->key[INDEX_PID_NS];
	nesting.by_user = !nesting.of->overflow || nesting.of->key[INDEX_USER_NS];
	if (nesting.all->overflow)
		crowd_visit(nesting.all, nesting_look, &nesting);
	else
		for (i = 0; i < nesting.all->count; i++)
			nesting_look(nesting.all->entry[i], &nesting);
	return nesting.inside;
}

bool match_set_narrow(struct match_set *set, const struct match_set *other)
{
	struct match_set common;
	unsigned int i;

	if (!other->count)
		return true;
	if (!set->count) {
		*set = *other;
		return true;
	}
	set_common(set, other, &common);
	if (common.count) {
		*set = common;
		return true;
	}
	if (set_inside(other, set)) {
		*set = *other;
		return true;
	}
	if (set_inside(set, other))
		return true;
	for (i = 0; i < other->count; i++)
		match_set_put(other->entry[i], set);
	set->overflow |= other->overflow;
	return false;
}
