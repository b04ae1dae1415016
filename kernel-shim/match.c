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
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

#include "match-set.h"

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
 * for it. In a cgroup that is the container's alone he has been put. Where the container
 * has a user and no pid namespace of its own, nothing but such a cgroup tells.
 */
static bool stands_around(const struct table_entry *entry, const struct match_set *set)
{
	if (!(entry->own_ns & (BIT(UPCALL_NS_PID) | BIT(UPCALL_NS_USER))))
		return false;
	if ((entry->own_ns & BIT(UPCALL_NS_PID)) &&
	    pid_ns_within(set->facts->pid_ns, entry->pid_ns))
		return false;
	return entry->cgroup_shared || !set->key[INDEX_CGROUP];
}

static void match_from_set(const struct match_set *set, bool strong, struct match *match)
{
	if (match_set_decides(set)) {
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

	match_set_empty(&set, facts);
	match_set_from_cgroup(&set);
	match_set_empty(&by, facts);
	match_set_from_pid_ns(&by);
	agreed = match_set_narrow(&set, &by);
	if (agreed) {
		match_set_empty(&by, facts);
		match_set_from_user_ns(&by, facts->user_ns, match_set_add);
		agreed = match_set_narrow(&set, &by);
	}
	strong = set.count;
	/*
	 * Mount and network namespaces have no descent, and a task may have
	 * joined one that is another container's: they decide only where nothing
	 * else does, or between containers that share all the rest. A process of
	 * the host that has but joined a network is still the host's.
	 */
	if (agreed && !match_set_decides(&set) && is_foreign_besides_net(facts)) {
		match_set_empty(&by, facts);
		match_set_from_mnt(&by);
		agreed = match_set_narrow(&set, &by);
	}
	if (agreed && !match_set_decides(&set) && is_foreign_besides_net(facts)) {
		match_set_empty(&by, facts);
		match_set_visit(&by, INDEX_NET, facts->net_cookie, match_set_add);
		agreed = match_set_narrow(&set, &by);
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
	match_set_put(match->entry, &set);
	claimants_put(&set, match);
}

/*
 * A key with a domain tag stands for the mount that it is needed for: who has registered
 * the tag's network namespace decides. Where nobody has, a task that is in it does, because
 * a privileged container can make one that says nothing of its maker. ATTACK: and who has
 * but a container's user namespace, and is another's or nobody's, one that says it is that
 * container's. What is needed for one that the task is not in is of the owner of the user
 * namespace that owns it.
 *
 * The task decides about its own request, which goes into its own keyrings: it
 * tells which of a pod's containers asks, and which one that shares the host's
 * network. What the kernel asks for itself goes into its cache for everybody in
 * that network namespace, so whoever happens to look up a name there must not be
 * the one who answers: the initial namespace is the host's, and one that several
 * registered is ambiguous.
 */
void match_net(const struct net *net, const struct task_facts *facts, bool kthread,
	       enum upcall_origin origin, struct match *match)
{
	struct match_set set = { .facts = facts };
	bool host_net = net_eq(net, &init_net);
	bool inside = !kthread && facts->net_cookie == net->net_cookie;
	bool registered;

	/* the mount's namespace is meant, wherever the task is: not match_set_add() */
	if (!host_net)
		table_visit(INDEX_NET, net->net_cookie, match_set_put, &set);
	registered = host_net || set.count;
	if (!registered)
		match_set_from_user_ns(&set, net->user_ns, match_set_put);
	if (match_set_decides(&set) && (registered || !inside))
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
