// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who owns an upcall
 *
 * A task belongs to an entry if any of these hits: an ancestor of its cgroup,
 * of its pid namespace or of its user namespace, its mount namespace; its network
 * namespace where it has another of the host's, too. So a task that unshares
 * everything inside a container still belongs to it: it can leave neither its
 * cgroup's, its pid namespace's nor its user namespace's descent.
 *
 * A hit by cgroup alone is not enough: a runtime's supervisor often sits in the
 * container's cgroup and is a task of the host. It counts only for tasks that
 * are inside the container by a namespace that tells the two apart.
 *
 * Each of the first three kinds gives the entries at the nearest level that has
 * any. Where kinds disagree, the entry that lies inside the other wins. Several
 * that are equally near (a pod's containers) are one only if a kind tells them
 * apart; else the match is ambiguous, never "the first".
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ipc_namespace.h>
#include <linux/irqflags.h>
#include <linux/mnt_namespace.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/preempt.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>

#include "match.h"
#include "table.h"

#define MATCH_KINDS (INDEX_NET + 1)

struct match_set {
	const struct task_facts *facts;
	struct table_entry *entry[MATCH_MAX];
	unsigned int count;
	bool overflow;	      /* a crowd: there are more, but of each can be asked */
	u64 key[MATCH_KINDS]; /* by which they were found; 0: not by that kind */
};

static void facts_from_nsproxy(const struct nsproxy *nsproxy, struct task_facts *facts)
{
	/* first member of struct mnt_namespace: see compat.h */
	facts->ns[UPCALL_NS_MNT] = ((struct ns_common *)nsproxy->mnt_ns)->inum;
	facts->ns[UPCALL_NS_NET] = nsproxy->net_ns->ns.inum;
	facts->ns[UPCALL_NS_UTS] = nsproxy->uts_ns->ns.inum;
	facts->ns[UPCALL_NS_IPC] = nsproxy->ipc_ns->ns.inum;
	facts->ns[UPCALL_NS_CGROUP] = nsproxy->cgroup_ns->ns.inum;
	facts->ns[UPCALL_NS_TIME] = nsproxy->time_ns->ns.inum;
	facts->net_cookie = nsproxy->net_ns->net_cookie;
}

bool task_facts_get(struct task_struct *task, struct task_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->pid_ns = task_active_pid_ns(task);
	if (facts->pid_ns)
		facts->ns[UPCALL_NS_PID] = facts->pid_ns->ns.inum;
	facts->user_ns = __task_cred(task)->user_ns;
	facts->ns[UPCALL_NS_USER] = facts->user_ns->ns.inum;
	facts->cgroup = task_dfl_cgroup(task);
	facts->cgroup_id = cgroup_id(facts->cgroup);

	if (task == current) { /* nobody else exchanges its nsproxy */
		if (task->nsproxy)
			facts_from_nsproxy(task->nsproxy, facts);
		return true;
	}
	/*
	 * Who holds this lock has interrupts and bottom halves on: who has them off, maybe
	 * under a lock that these take, too, must not wait for him.
	 */
	if (!spin_trylock(&task->alloc_lock)) {
		if (irqs_disabled() || in_softirq())
			return false;
		task_lock(task);
	}
	if (task->nsproxy)
		facts_from_nsproxy(task->nsproxy, facts);
	task_unlock(task);
	return true;
}

static u32 initial_ns[UPCALL_NS_COUNT] __ro_after_init;

void __init match_init(void)
{
	struct task_facts facts;

	rcu_read_lock();
	task_facts_get(&init_task, &facts);
	rcu_read_unlock();
	memcpy(initial_ns, facts.ns, sizeof(initial_ns));
}

u32 task_facts_foreign(const struct task_facts *facts)
{
	u32 mask = 0;
	int i;

	for (i = 0; i < UPCALL_NS_COUNT; i++)
		if (facts->ns[i] && facts->ns[i] != initial_ns[i])
			mask |= BIT(i);
	return mask;
}

bool pid_ns_within(const struct pid_namespace *ns, const struct pid_namespace *outer)
{
	for (; ns; ns = ns->parent)
		if (ns == outer)
			return true;
	return false;
}

bool user_ns_within(const struct user_namespace *ns, const struct user_namespace *outer)
{
	for (; ns; ns = ns->parent)
		if (ns == outer)
			return true;
	return false;
}

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
static void set_empty(struct match_set *set, const struct task_facts *facts)
{
	set->facts = facts;
	set->count = 0;
	set->overflow = false;
	memset(set->key, 0, sizeof(set->key));
}

static void set_visit(struct match_set *set, enum index_kind kind, u64 key, table_visitor fn)
{
	table_visit(kind, key, fn, set);
	if (set->count)
		set->key[kind] = key;
}

static bool set_decides(const struct match_set *set)
{
	return set->count == 1 && !set->overflow;
}

static void set_put(struct table_entry *entry, void *arg)
{
	struct match_set *set = arg;

	if (set->count < MATCH_MAX)
		set->entry[set->count++] = entry;
	else
		set->overflow = true;
}

static void set_add(struct table_entry *entry, void *arg)
{
	struct match_set *set = arg;

	if (!is_elsewhere(entry, set->facts))
		set_put(entry, set);
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
		set_put(entry, set);
}

static void set_from_cgroup(struct match_set *set)
{
	struct cgroup *cgroup;

	for (cgroup = set->facts->cgroup; cgroup && !set->count; cgroup = cgroup_parent(cgroup))
		set_visit(set, INDEX_CGROUP, cgroup_id(cgroup), set_add_by_cgroup);
}

static void set_from_pid_ns(struct match_set *set)
{
	struct pid_namespace *ns;

	for (ns = set->facts->pid_ns; ns && !set->count; ns = ns->parent)
		set_visit(set, INDEX_PID_NS, (unsigned long)ns, set_add);
}

static void set_from_user_ns(struct match_set *set, struct user_namespace *ns, table_visitor fn)
{
	for (; ns && !set->count; ns = ns->parent)
		set_visit(set, INDEX_USER_NS, (unsigned long)ns, fn);
}

/* The number may be used again once the leader has left: then it tells nothing. */
static void set_add_by_mnt(struct table_entry *entry, void *arg)
{
	if (tombstone_leader_holds_mnt(entry))
		set_add(entry, arg);
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
		set_put(entry, set);
}

static void set_common(const struct match_set *a, const struct match_set *b,
		       struct match_set *common)
{
	const struct match_set *seen = a->overflow ? b : a;
	const struct match_set *asked = a->overflow ? a : b;
	unsigned int i;
	int kind;

	set_empty(common, a->facts);
	for (kind = 0; kind < MATCH_KINDS; kind++)
		common->key[kind] = a->key[kind] ?: b->key[kind];
	if (seen->overflow) {
		crowd_visit(common, set_put_if_had, common);
		return;
	}
	for (i = 0; i < seen->count; i++)
		if (set_has(asked, seen->entry[i]))
			set_put(seen->entry[i], common);
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

/*
 * Narrow `set` by what another kind says; false: they disagree and none is nearer,
 * and it may be anybody's of both.
 */
static bool set_narrow(struct match_set *set, const struct match_set *other)
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
		set_put(other->entry[i], set);
	set->overflow |= other->overflow;
	return false;
}

void match_nobody(struct match *match, enum upcall_scope scope)
{
	match->scope = scope;
	match->entry = NULL;
	match->strong = false;
	match->claimants = 0;
}

static void claimants_put(const struct match_set *set, struct match *match)
{
	match_nobody(match, UPCALL_SCOPE_AMBIGUOUS);
	match->claimants = set->overflow ? 0 : set->count;
	memcpy(match->claimant, set->entry, set->count * sizeof(set->entry[0]));
}

/*
 * ATTACK: who is in a pid namespace around a container's may be who has made it, with whom
 * it has a user namespace and maybe mounts, and the cgroup of a session, whose keys are not
 * for it. In a cgroup that is the container's alone he has been put.
 */
static bool stands_around(const struct table_entry *entry, const struct match_set *set)
{
	if (!(entry->own_ns & BIT(UPCALL_NS_PID)) ||
	    pid_ns_within(set->facts->pid_ns, entry->pid_ns))
		return false;
	return entry->cgroup_shared || !set->key[INDEX_CGROUP];
}

static void match_from_set(const struct match_set *set, bool strong, struct match *match)
{
	if (set_decides(set)) {
		match_nobody(match, UPCALL_SCOPE_CONTAINER);
		match->entry = set->entry[0];
		match->strong = strong && !stands_around(match->entry, set);
	} else {
		claimants_put(set, match);
	}
}

static void match_unowned(const struct task_facts *facts, struct match *match)
{
	u32 foreign = task_facts_foreign(facts) & (BIT(UPCALL_NS_PID) | BIT(UPCALL_NS_USER));

	match_nobody(match, foreign ? UPCALL_SCOPE_UNREGISTERED : UPCALL_SCOPE_HOST);
}

static bool is_foreign_besides_net(const struct task_facts *facts)
{
	return task_facts_foreign(facts) &
	       (BIT(UPCALL_NS_PID) | BIT(UPCALL_NS_USER) | BIT(UPCALL_NS_MNT));
}

void match_task(const struct task_facts *facts, struct match *match)
{
	struct match_set set, by;
	bool agreed, strong;

	set_empty(&set, facts);
	set_from_cgroup(&set);
	set_empty(&by, facts);
	set_from_pid_ns(&by);
	agreed = set_narrow(&set, &by);
	if (agreed) {
		set_empty(&by, facts);
		set_from_user_ns(&by, facts->user_ns, set_add);
		agreed = set_narrow(&set, &by);
	}
	strong = set.count;
	/*
	 * Mount and network namespaces have no descent, and a task may have
	 * joined one that is another container's: they decide only where nothing
	 * else does, or between containers that share all the rest. A process of
	 * the host that has but joined a network is still the host's.
	 */
	if (agreed && !set_decides(&set) && is_foreign_besides_net(facts)) {
		set_empty(&by, facts);
		set_visit(&by, INDEX_MNT, facts->ns[UPCALL_NS_MNT], set_add_by_mnt);
		agreed = set_narrow(&set, &by);
	}
	if (agreed && !set_decides(&set) && is_foreign_besides_net(facts)) {
		set_empty(&by, facts);
		set_visit(&by, INDEX_NET, facts->net_cookie, set_add);
		agreed = set_narrow(&set, &by);
	}
	if (!agreed)
		claimants_put(&set, match);
	else if (set.count)
		match_from_set(&set, strong, match);
	else
		match_unowned(facts, match);
}

/*
 * The kernel asks for a namespace that is nobody's, and the task is not in it: a
 * container that looks at another's mount, or that has made and left one of its
 * own. Its answer would be everybody's there, so it has a claim and no more.
 */
static void match_passer_by(const struct task_facts *facts, struct match *match)
{
	struct match_set set = { .facts = facts };

	match_task(facts, match);
	if (match->scope != UPCALL_SCOPE_CONTAINER)
		return;
	set_put(match->entry, &set);
	claimants_put(&set, match);
}

/*
 * A key with a domain tag stands for the mount that it is needed for: the
 * tag's network namespace decides, else the user namespace that owns it.
 *
 * The task decides about its own request, which goes into its own keyrings: it
 * tells which of a pod's containers asks, and which one that shares the host's
 * network. What the kernel asks for itself goes into its cache for everybody in
 * that network namespace, so whoever happens to look up a name there must not be
 * the one who answers: the initial namespace is the host's, and one that several
 * registered is ambiguous. Only where nobody registered it, a task that is in it
 * decides: a privileged container can make one that says nothing of its maker.
 */
void match_net(const struct net *net, const struct task_facts *facts, bool kthread,
	       enum upcall_origin origin, struct match *match)
{
	struct match_set set = { .facts = facts };
	bool host_net = net_eq(net, &init_net);
	bool inside = !kthread && facts->net_cookie == net->net_cookie;
	bool registered;

	/* the mount's namespace is meant, wherever the task is: not set_add() */
	if (!host_net)
		table_visit(INDEX_NET, net->net_cookie, set_put, &set);
	registered = host_net || set.count;
	if (!registered)
		set_from_user_ns(&set, net->user_ns, set_put);
	if (set_decides(&set))
		match_from_set(&set, false, match);
	else if (inside && (origin == UPCALL_ORIGIN_SYSCALL || !registered))
		match_task(facts, match);
	else if (set.count)
		claimants_put(&set, match);
	else if (!host_net && !kthread)
		match_passer_by(facts, match);
	else if (!host_net)
		match_nobody(match, UPCALL_SCOPE_UNREGISTERED);
	else
		match_nobody(match, kthread ? UPCALL_SCOPE_KTHREAD : UPCALL_SCOPE_HOST);
}
