// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of registered containers
 *
 * Written under table_mutex, read under RCU by whoever raises an upcall. But for
 * an entry's tombstone, which is only ever set, by whoever notices, under RCU or
 * tasklist_lock, with its place in a list of these; and its share, which is the
 * queue's. An entry that is taken out stays readable until a grace period has
 * passed and the last upcall that refers to it has ended.
 */
#include <linux/cgroup.h>
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/xarray.h>

#include "match.h"
#include "policy.h"
#include "table.h"

#define TABLE_BITS 12
#define TABLE_MAX  65536

static DEFINE_MUTEX(table_mutex);
static LIST_HEAD(table_entries);
static DEFINE_XARRAY(table_ids); /* the same, by id */
static unsigned int table_count;
static u64 table_next_id = UPCALL_CONTAINER_FIRST;
static struct hlist_head table_hash[INDEX_COUNT][1 << TABLE_BITS];

struct workqueue_struct *table_workqueue;

enum upcall_verdict table_verdict(struct table_entry *entry, enum upcall_class class,
				  const char *key_type)
{
	if (tombstone_is(entry))
		return UPCALL_VERDICT_DENY;
	return policy_verdict(&rcu_dereference(entry->policy)->uapi, class, key_type);
}

/* ---------------------------------------------------------------- look-up */

bool table_is_empty(void)
{
	return !READ_ONCE(table_count);
}

void table_visit(enum index_kind kind, u64 key, table_visitor fn, void *arg)
{
	struct table_index *index;

	hash_for_each_possible_rcu(table_hash[kind], index, node, key)
		if (index->key == key)
			fn(index->entry, arg);
}

static struct table_entry *entry_find(u64 id)
{
	lockdep_assert_held(&table_mutex);
	return xa_load(&table_ids, id);
}

/* The next one in the order of ids, whether or not that one is there. */
static struct table_entry *entry_after(u64 id)
{
	unsigned long at = id;

	lockdep_assert_held(&table_mutex);
	return xa_find_after(&table_ids, &at, ULONG_MAX, XA_PRESENT);
}

/* Only namespaces of its own tell a container; the initial ones are the host's. */
static u64 own_key(const struct table_entry *entry, enum upcall_ns ns, u64 key)
{
	return entry->own_ns & BIT(ns) ? key : 0;
}

/* Never 0. */
static u64 name_key(const char *name)
{
	return full_name_hash(NULL, name, strlen(name)) | BIT_ULL(32);
}

static void entry_index(struct table_entry *entry)
{
	const u64 keys[INDEX_COUNT] = {
		[INDEX_CGROUP] = entry->cgroup_id,
		[INDEX_PID_NS] = own_key(entry, UPCALL_NS_PID, (unsigned long)entry->pid_ns),
		[INDEX_USER_NS] = own_key(entry, UPCALL_NS_USER, (unsigned long)entry->user_ns),
		[INDEX_MNT] = own_key(entry, UPCALL_NS_MNT, entry->ns[UPCALL_NS_MNT]),
		[INDEX_NET] = own_key(entry, UPCALL_NS_NET, entry->net_cookie),
		[INDEX_LEADER] = (unsigned long)entry->leader,
		[INDEX_NAME] = name_key(entry->name),
	};
	int kind;

	/* ORDER: who finds it by one asks for the others, too (match-set.c) */
	for (kind = 0; kind < INDEX_COUNT; kind++) {
		entry->index[kind].key = keys[kind];
		entry->index[kind].entry = entry;
	}
	for (kind = 0; kind < INDEX_COUNT; kind++)
		if (keys[kind])
			hash_add_rcu(table_hash[kind], &entry->index[kind].node, keys[kind]);
}

static void entry_remove(struct table_entry *entry)
{
	int kind;

	lockdep_assert_held(&table_mutex);
	xa_erase(&table_ids, entry->id);
	list_del_init(&entry->link);
	WRITE_ONCE(table_count, table_count - 1);
	for (kind = 0; kind < INDEX_COUNT; kind++)
		hash_del_rcu(&entry->index[kind].node);
	tombstone_unwatch(entry);
	table_entry_put(entry);
}

/* ------------------------------------------------------------ add and set */

static const struct upcall_policy *policy_of(const struct table_entry *entry)
{
	return &rcu_dereference_protected(entry->policy, lockdep_is_held(&table_mutex))->uapi;
}

static void entry_to_uapi(struct table_entry *entry, struct upcall_container *container)
{
	table_entry_tell(entry, container);
	container->policy = *policy_of(entry);
}

struct rival {
	const struct table_entry *entry;
	bool found;
};

static void rival_by_leader(struct table_entry *entry, void *arg)
{
	struct rival *rival = arg;

	rival->found = true;
}

static void rival_by_name(struct table_entry *entry, void *arg)
{
	struct rival *rival = arg;

	if (!strcmp(entry->name, rival->entry->name) && !tombstone_is(entry))
		rival->found = true;
}

static bool is_taken(const struct table_entry *entry)
{
	struct rival rival = { .entry = entry };

	lockdep_assert_held(&table_mutex);
	rcu_read_lock();
	table_visit(INDEX_LEADER, (unsigned long)entry->leader, rival_by_leader, &rival);
	table_visit(INDEX_NAME, name_key(entry->name), rival_by_name, &rival);
	rcu_read_unlock();
	return rival.found;
}

static bool policy_releases(const struct upcall_policy *policy)
{
	return policy->verdict[UPCALL_CLASS_RELEASE_AGENT] != UPCALL_VERDICT_NATIVE;
}

/*
 * One that is dead has it refused, by its tombstone, and asks for nothing by what the
 * broker says of it then.
 */
static void entry_note_releases(struct table_entry *entry, const struct upcall_policy *policy)
{
	bool lives;

	rcu_read_lock();
	lives = !tombstone_is(entry);
	rcu_read_unlock();
	if (lives)
		WRITE_ONCE(entry->releases, policy_releases(policy));
}

static int table_insert(struct table_entry *entry)
{
	int ret;

	lockdep_assert_held(&table_mutex);
	if (table_count >= TABLE_MAX)
		return -ENOSPC;
	if (is_taken(entry))
		return -EEXIST;
	ret = xa_insert(&table_ids, table_next_id, entry, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	entry->id = table_next_id++;
	list_add_tail(&entry->link, &table_entries);
	WRITE_ONCE(table_count, table_count + 1);
	/* even if its leader has died meanwhile */
	entry->releases = policy_releases(policy_of(entry));
	tombstone_watch(entry);
	/* ORDER: findable last; a leader that died meanwhile is noticed at the first look-up */
	entry_index(entry);
	return 0;
}

static bool flags_are_good(const struct upcall_container *container)
{
	if (container->flags & ~(UPCALL_CONTAINER_UNBOUNDED | UPCALL_CONTAINER_OWNED |
				 UPCALL_CONTAINER_SHARED))
		return false;
	if (container->flags & UPCALL_CONTAINER_UNBOUNDED && container->cgroup_id)
		return false;
	if (container->flags & UPCALL_CONTAINER_SHARED && !container->cgroup_id)
		return false;
	return container->flags & UPCALL_CONTAINER_OWNED || !container->owner;
}

int table_add(struct upcall_container *container)
{
	struct table_entry *entry;
	int ret;

	if (!flags_are_good(container) || !container->name[0] ||
	    strnlen(container->name, UPCALL_NAME_LEN) == UPCALL_NAME_LEN)
		return -EINVAL;
	if (container->cgroup_id && cgroup_id_populated(container->cgroup_id) < 0)
		return -ENOENT;
	entry = table_entry_new(container);
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	mutex_lock(&table_mutex);
	ret = table_insert(entry);
	if (!ret)
		entry_to_uapi(entry, container);
	else
		table_entry_put(entry);
	mutex_unlock(&table_mutex);
	return ret;
}

int table_set_policy(const struct upcall_container *container)
{
	struct table_policy *policy, *old = NULL;
	struct table_entry *entry;

	if (container->flags & ~UPCALL_CONTAINER_SHARED || container->owner)
		return -EINVAL;
	policy = table_policy_new(&container->policy);
	if (IS_ERR(policy))
		return PTR_ERR(policy);
	mutex_lock(&table_mutex);
	entry = entry_find(container->id);
	if (entry) {
		entry_note_releases(entry, &policy->uapi);
		old = rcu_replace_pointer(entry->policy, policy, lockdep_is_held(&table_mutex));
	}
	mutex_unlock(&table_mutex);
	if (!entry) {
		kfree(policy);
		return -ENOENT;
	}
	kfree_rcu(old, rcu);
	return 0;
}

int table_del(u64 id)
{
	struct table_entry *entry;
	bool tombstone = false;

	mutex_lock(&table_mutex);
	entry = entry_find(id);
	if (entry) {
		tombstone = atomic_read(&entry->tombstone);
		entry_remove(entry);
	}
	mutex_unlock(&table_mutex);
	if (tombstone)
		tombstone_drop();
	return entry ? 0 : -ENOENT;
}

bool table_del_empty(struct table_entry *entry, bool (*is_empty)(const struct table_entry *entry))
{
	bool out;

	mutex_lock(&table_mutex);
	out = list_empty(&entry->link);
	if (!out && is_empty(entry)) {
		entry_remove(entry);
		out = true;
	}
	mutex_unlock(&table_mutex);
	return out;
}

int table_get_releasers(struct table_entry ***entries)
{
	struct table_entry *entry;
	bool some = false;
	int count = 0;

	*entries = NULL;
	mutex_lock(&table_mutex);
	list_for_each_entry(entry, &table_entries, link)
		some |= entry->releases && entry->cgroup_ns;
	if (some)
		*entries = kvmalloc_array(table_count, sizeof(**entries), GFP_KERNEL);
	if (some && !*entries)
		count = -ENOMEM;
	else if (some)
		list_for_each_entry(entry, &table_entries, link)
			if (entry->cgroup_ns && table_entry_get(entry))
				(*entries)[count++] = entry;
	mutex_unlock(&table_mutex);
	return count;
}

int table_next(struct upcall_container *container)
{
	struct table_entry *entry;

	mutex_lock(&table_mutex);
	entry = entry_after(container->id);
	if (entry)
		entry_to_uapi(entry, container);
	mutex_unlock(&table_mutex);
	return entry ? 0 : -ENOENT;
}

int __init table_init(void)
{
	task_facts_init();
	table_workqueue = alloc_workqueue("upcall_table", WQ_UNBOUND, 0);
	return table_workqueue ? 0 : -ENOMEM;
}

/* Nobody raises upcalls into us any more, so there are no readers. */
void table_exit(void)
{
	struct table_entry *entry, *next;

	mutex_lock(&table_mutex);
	list_for_each_entry_safe(entry, next, &table_entries, link)
		entry_remove(entry);
	mutex_unlock(&table_mutex);
	/* ORDER: no watch is left that could queue its work again */
	tombstone_exit();
	rcu_barrier();
	destroy_workqueue(table_workqueue);
}
