// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Adoption: containers that nobody registers
 *
 * The module tells of an upcall whose task no container owns, and whose cgroup is one that
 * a policy names (UPCALL_IOC_ADOPT): the cgroup, and the init of the container. It is
 * registered as if root had done it, if nobody but root can have made that cgroup.
 *
 * It has no boundary: others may be in that cgroup, whom a wide pattern means as well, or in
 * what its cgroup namespace has for its root, and each is a container of its own. Its pid
 * namespace tells who is in it, and that ends with its leader.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adoption.h"
#include "cgroup.h"
#include "cleanup.h"
#include "policy.h"
#include "process.h"
#include "registry.h"
#include "shim.h"

/*
 * ATTACK: who may make pid namespaces in such a cgroup has each adopted that he makes.
 */
#define SAME_MAX 64

static bool is_registered(const struct registry *registry, const struct tags_adoption *adoption)
{
	struct container *container = registry_by_leader(registry, adoption->leader);

	for (; container; container = registry_by_leader_next(container))
		if (container->registry && container->start_time == adoption->start_time)
			return true;
	return false;
}

static bool is_below(const char *place, const char *path)
{
	size_t size = strlen(path);

	return place && !strncmp(place, path, size) && (!place[size] || place[size] == '/');
}

static size_t count_same(const struct list *list, const char *path)
{
	struct container *container;
	size_t count = 0;

	list_for_each_entry(container, list, link)
		count += container_is_adopted(container) && is_below(container->place, path);
	return count;
}

static int check_room(const struct registry *registry, const char *path, struct failure *failure)
{
	if (count_same(&registry->containers, path) + count_same(&registry->tombstones, path) <
	    SAME_MAX)
		return 0;
	return failure_set(failure, -EDQUOT, "LimitReached",
			   "of cgroup '%.256s', %d containers have been adopted", path, SAME_MAX);
}

static int gone(const struct tags_adoption *adoption, struct failure *failure)
{
	return failure_set(failure, -ESRCH, "NoSuchProcess", "process %u has ended",
			   adoption->leader);
}

/* The pidfd of who the module meant. */
static int open_leader(const struct registry *registry, const struct tags_adoption *adoption,
		       struct failure *failure)
{
	cleanup_fd int pidfd = pidfd_of(adoption->leader);
	struct tags tags;
	int ret;

	if (pidfd == -ESRCH)
		return gone(adoption, failure);
	if (pidfd < 0)
		return failure_set(failure, pidfd, "Failed", "cannot open process %u: %s",
				   adoption->leader, strerror(-pidfd));
	ret = shim_tags(registry->shim_fd, adoption->leader, &tags);
	/* ORDER: after the look, so that the pid was still its */
	if (ret == -ESRCH ||
	    (ret >= 0 && (tags.start_time != adoption->start_time || !pidfd_alive(pidfd))))
		return gone(adoption, failure);
	if (ret < 0)
		return failure_set(failure, ret, "Failed",
				   "the kernel does not describe process %u: %s", adoption->leader,
				   strerror(-ret));
	return take_fd(&pidfd);
}

/* The path of the cgroup that the pattern fits. */
static int find_path(const struct tags_adoption *adoption, char *path, size_t room,
		     struct failure *failure)
{
	int ret = cgroup_find(adoption->leader, adoption->cgroup_id, path, room);

	if (ret < 0)
		return failure_set(failure, ret, "NoSuchCgroup",
				   "the cgroup of process %u cannot be found below " CGROUP_ROOT
				   ": %s",
				   adoption->leader, strerror(-ret));
	return 0;
}

static int check_place(const struct registry *registry, const char *path, struct failure *failure)
{
	if (policy_adopts(registry->config, path))
		return 0;
	if (cgroup_is_hosts(path))
		return failure_set(failure, -ENOENT, "Denied",
				   "no policy is for the cgroup '%.256s' any more", path);
	return failure_set(
		failure, -EACCES, "Denied",
		"others than root may make cgroups beside '%.256s', so its path chooses no policy",
		path);
}

/* Of two that would be called the same, the second has its leader's number in its name. */
static void name_for(const struct registry *registry, const struct tags_adoption *adoption,
		     const char *path, char name[ADOPTION_NAME_SIZE])
{
	adoption_name(path, name);
	if (registry_by_name(registry, name) || registry_tombstone(registry, name))
		adoption_name_other(name, adoption->leader);
}

int registry_adopt(struct registry *registry, const struct tags_adoption *adoption,
		   struct failure *failure)
{
	const struct registry_options options = { .runtime = CONTAINER_ADOPTED };
	char path[CGROUP_PATH_MAX + 1], name[ADOPTION_NAME_SIZE];
	struct container *container;
	cleanup_fd int pidfd = -1;
	int ret;

	if (!adoption->has_leader)
		return failure_set(
			failure, -EINVAL, "NotAContainer",
			"nobody has registered the container, and it cannot be adopted: in its cgroup it has no pid namespace with an init of its own");
	if (is_registered(registry, adoption))
		return 0;
	pidfd = open_leader(registry, adoption, failure);
	if (pidfd < 0)
		return pidfd;
	ret = find_path(adoption, path, sizeof(path), failure);
	if (ret >= 0)
		ret = check_place(registry, path, failure);
	if (ret >= 0)
		ret = check_room(registry, path, failure);
	if (ret < 0)
		return ret;
	name_for(registry, adoption, path, name);
	return registry_register(registry, name, pidfd, &options, &container, failure);
}

bool registry_may_adopt(const struct registry *registry, const struct tags_adoption *adoption,
			const struct policy **ret)
{
	char path[CGROUP_PATH_MAX + 1], name[ADOPTION_NAME_SIZE];

	if (!adoption->has_leader ||
	    cgroup_find(adoption->leader, adoption->cgroup_id, path, sizeof(path)) < 0 ||
	    !policy_adopts(registry->config, path))
		return false;
	name_for(registry, adoption, path, name);
	*ret = policy_select(registry->config,
			     &(struct policy_subject){ name, path, CONTAINER_ADOPTED });
	return true;
}

static bool is_same_adopted(const struct container *other, const struct container *container)
{
	return container_is_adopted(other) && other->start_time == container->start_time;
}

void registry_replace_adopted(struct registry *registry, const struct container *container)
{
	struct failure ignored = FAILURE_NULL;
	char name[UPCALL_NAME_LEN] = "";
	struct container *other;

	/* ATTACK: of a user's it is not known yet whether the leader is his */
	if (container_is_adopted(container) || container->uid)
		return;
	for (other = registry_by_leader(registry, container->leader); other;
	     other = registry_by_leader_next(other))
		if (is_same_adopted(other, container))
			memcpy(name, other->name, sizeof(name));
	if (*name)
		(void)registry_unregister(registry, name, &ignored);
}
