// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose release agent?
 *
 * A cgroup of version 1 that has become empty has the kernel run the release agent
 * of its hierarchy, from a work that belongs to the cgroup: there is no requester.
 * It is a container's if it lies below the root that the container's cgroup
 * namespace has in that hierarchy, which nobody in it can change. That root itself
 * is of who made it, and a namespace whose root is the hierarchy's says nothing.
 * The deepest root decides, and a live container before the tombstone of one that
 * had the same. Where two share it, of which one has no section, it is ambiguous.
 *
 * ATTACK: cgroups of version 1 can be renamed, between two looks, too. So paths are
 * never compared, only counted: how deep a cgroup is, and its root, never changes.
 *
 * Nobody waits for the answer. ATTACK: the end of a cgroup waits for the work
 * (css_free_rwork_fn()), one after the other on the whole machine. So the caller
 * goes on when it is offered (offer.c), and what is needed of it is in the tags.
 */
#include <linux/cgroup.h>
#include <linux/limits.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "release.h"
#include "subject.h"
#include "table.h"

struct release_search {
	struct cgroup *cgroup;
	char *path;	   /* room of PATH_MAX */
	unsigned int rank; /* of the nearest so far */
	unsigned int with_section, without;
	struct table_entry *owner; /* the last of the former; borrowed */
	bool unknown;		   /* of one it cannot be told, and so of none further away */
};

/*
 * ATTACK: the kernel makes a path in the square of its depth, with interrupts off, and
 * we ask for one of each container. Deeper ones are refused unseen.
 */
#define RELEASE_DEPTH_MAX 128

/*
 * How deep below the root of @ns the cgroup is, with search->path from there. 0: it is
 * not. -1: that cannot be told.
 */
static int depth_below(const struct release_search *search, struct cgroup_namespace *ns)
{
	const char *path = search->path, *slash;
	int depth = 0;
	int length;

	search->path[0] = '\0';
	length = cgroup_path_ns(search->cgroup, search->path, PATH_MAX, ns);
	/* ATTACK: from a deep root there is no room for the way out of it, but for its beginning */
	if (!strncmp(path, "/..", 3) && (!path[3] || path[3] == '/'))
		return 0;
	/* some kernels just cut it */
	if (length <= 0 || length >= PATH_MAX - 1)
		return -1;
	for (slash = strchr(path, '/'); slash && slash[1]; slash = strchr(slash + 1, '/'))
		depth++;
	return depth;
}

/* 0: it is not this one's. By the depth of its root; of the same, whoever lives comes first. */
static unsigned int rank_of(struct release_search *search, struct table_entry *entry)
{
	int depth = depth_below(search, entry->cgroup_ns);
	bool lives;

	if (depth < 0)
		search->unknown = true;
	if (depth <= 0 || depth >= search->cgroup->level)
		return 0;
	rcu_read_lock();
	lives = !tombstone_is(entry);
	rcu_read_unlock();
	return 2 * (search->cgroup->level - depth) + lives;
}

static void consider(struct release_search *search, struct table_entry *entry)
{
	unsigned int rank = rank_of(search, entry);

	if (!rank || rank < search->rank)
		return;
	if (rank > search->rank) {
		search->rank = rank;
		search->with_section = 0;
		search->without = 0;
	}
	if (READ_ONCE(entry->releases)) {
		search->with_section++;
		search->owner = entry;
	} else {
		search->without++;
	}
}

static void decide(struct release_search *search, struct release *release)
{
	if (!search->with_section && (search->without || !search->unknown))
		return;
	if (search->with_section == 1 && !search->without &&
	    depth_below(search, search->owner->cgroup_ns) > 0)
		release->path = kstrdup(search->path, GFP_KERNEL);
	if (release->path)
		release->entry = table_entry_get(search->owner);
	else
		release->ambiguous = true;
}

static struct cgroup *cgroup_of_work(void)
{
	struct work_struct *work = current_work();

	if (!work || !class_is_release_work(work))
		return NULL;
	return container_of(work, struct cgroup, release_agent_work);
}

void release_find(struct release *release)
{
	struct release_search search = { .cgroup = cgroup_of_work() };
	struct table_entry **entries;
	int i, count;

	if (!search.cgroup)
		return;
	count = table_get_releasers(&entries);
	if (!count)
		return;
	search.path = kmalloc(PATH_MAX, GFP_KERNEL);
	if (count < 0 || !search.path || search.cgroup->level > RELEASE_DEPTH_MAX) {
		release->ambiguous = true;
		count = max(count, 0);
	}
	for (i = 0; i < count && !release->ambiguous; i++)
		consider(&search, entries[i]);
	if (!release->ambiguous)
		decide(&search, release);
	for (i = 0; i < count; i++)
		table_entry_put(entries[i]);
	kvfree(entries);
	kfree(search.path);
}

void release_clear(struct release *release)
{
	table_entry_put(release->entry);
	kfree(release->path);
}
