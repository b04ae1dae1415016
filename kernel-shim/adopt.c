// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adoption: containers that nobody has registered
 *
 * A rule tells them by the path of their cgroup, as far as the rule's pattern goes;
 * what is below, a container may have made itself. A task is meant by its own cgroup,
 * or by that of its init: who was moved out of the one, or has come in without it, is
 * in the container all the same. Such a container has no entry.
 * Of its upcalls that the rule would offer, the broker is told whom it may register,
 * which is the init of the outermost pid namespace that its task is in, if that one
 * is in the cgroup, too. Where there is no such, what would be offered is refused. Then
 * the table decides once more (hook.c): what was adopted
 * has no other way into a container than who was registered.
 */
#include <linux/cgroup.h>
#include <linux/err.h>
#include <linux/glob.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "adopt.h"
#include "facts.h"
#include "policy.h"

/* A cgroup whose path is longer is nobody's: upcalld, too, knows none. */
#define PATH_LEN 1024

struct adopt_rule {
	struct upcall_adoption uapi;
	int level; /* of the cgroups that the pattern may fit */
};

struct adopt_rules {
	struct rcu_head rcu;
	u32 count;
	struct adopt_rule rule[];
};

static DEFINE_MUTEX(adopt_mutex); /* a leaf: writers only */
static struct adopt_rules __rcu *adopt_rules;

bool adopt_is_empty(void)
{
	return !rcu_access_pointer(adopt_rules);
}

/* ---------------------------------------------------------------- look-up */

/*
 * Path and pattern have as many slashes, and each of the pattern's is met by one of the
 * path's. So none is left for a wildcard, which glob_match() would let have it.
 */
static struct cgroup *rule_cgroup(const struct adopt_rule *rule, struct cgroup *cgroup, char *path)
{
	int size;

	cgroup = cgroup_ancestor(cgroup, rule->level);
	if (!cgroup)
		return NULL;
	size = cgroup_path(cgroup, path, PATH_LEN);
	if (size <= 0 || size >= PATH_LEN)
		return NULL;
	return glob_match(rule->uapi.pattern, path) ? cgroup : NULL;
}

/* The nearest to us: what is nested in it belongs to it. */
static struct task_struct *outermost_init(struct pid_namespace *ns)
{
	if (!ns || !ns->level)
		return NULL;
	while (ns->level > 1)
		ns = ns->parent;
	return pid_task(find_pid_ns(1, ns), PIDTYPE_TGID);
}

static void adoption_from_cgroup(struct adoption *adoption, struct task_struct *init,
				 struct cgroup *cgroup)
{
	adoption->cgroup_id = cgroup_id(cgroup);
	/* one that the cgroup does not hold leads another container, and a pod's are several */
	if (!init || READ_ONCE(init->flags) & PF_EXITING ||
	    !cgroup_is_descendant(task_dfl_cgroup(init), cgroup))
		return;
	adoption->leader = task_tgid_nr(init);
	adoption->start_time = init->start_boottime;
}

static const struct upcall_policy *rules_find(const struct adopt_rules *rules, char *path,
					      const struct task_facts *facts,
					      struct adoption *adoption)
{
	struct task_struct *init = outermost_init(facts->pid_ns);
	struct cgroup *places[] = { facts->cgroup, init ? task_dfl_cgroup(init) : NULL };
	struct cgroup *cgroup;
	u32 i, place;

	/* by its own first: who shares a pid namespace may have another container's init */
	for (place = 0; place < ARRAY_SIZE(places); place++) {
		for (i = 0; places[place] && i < rules->count; i++) {
			cgroup = rule_cgroup(&rules->rule[i], places[place], path);
			if (!cgroup)
				continue;
			adoption_from_cgroup(adoption, init, cgroup);
			return &rules->rule[i].uapi.policy;
		}
	}
	return NULL;
}

const struct upcall_policy *adopt_find(const struct task_facts *facts, struct adoption *ret)
{
	const struct adopt_rules *rules = rcu_dereference(adopt_rules);
	const struct upcall_policy *policy;
	char *path;

	memset(ret, 0, sizeof(*ret));
	if (!rules)
		return NULL;
	path = kmalloc(PATH_LEN, GFP_ATOMIC | __GFP_NOWARN);
	if (!path)
		return ERR_PTR(-ENOMEM);
	policy = rules_find(rules, path, facts, ret);
	kfree(path);
	return policy;
}

/* ------------------------------------------------------------------- rules */

/* How many components it has; 0: it is no pattern. */
static int pattern_level(const char *pattern)
{
	int level = 0;

	if (strnlen(pattern, UPCALL_PATTERN_LEN) == UPCALL_PATTERN_LEN || strpbrk(pattern, "[]\\"))
		return 0;
	for (; *pattern == '/'; level++) {
		size_t size = strcspn(pattern + 1, "/");

		if (!size)
			return 0;
		pattern += 1 + size;
	}
	return *pattern ? 0 : level;
}

static int rules_fill(struct adopt_rules *rules, const struct upcall_adoption *from, u32 count)
{
	for (; rules->count < count; rules->count++) {
		struct adopt_rule *rule = &rules->rule[rules->count];

		rule->uapi = from[rules->count];
		rule->level = pattern_level(rule->uapi.pattern);
		if (!rule->level || policy_check(&rule->uapi.policy))
			return -EINVAL;
	}
	return 0;
}

int adopt_set(const struct upcall_adoption *from, u32 count)
{
	struct adopt_rules *rules = NULL;

	if (count) {
		rules = kvzalloc(struct_size(rules, rule, count), GFP_KERNEL_ACCOUNT);
		if (!rules)
			return -ENOMEM;
		if (rules_fill(rules, from, count)) {
			kvfree(rules);
			return -EINVAL;
		}
	}
	mutex_lock(&adopt_mutex);
	rules = rcu_replace_pointer(adopt_rules, rules, lockdep_is_held(&adopt_mutex));
	mutex_unlock(&adopt_mutex);
	kvfree_rcu(rules, rcu);
	return 0;
}
