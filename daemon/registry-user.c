// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an ordinary user's registration is asked besides
 *
 * Whose the process is, the kernel says when it adds the entry. Without a policy that is for
 * him a user's container would be a way around what the kernel does with those that nobody
 * has registered, so there is none.
 */
#include <errno.h>
#include <string.h>

#include "cgroup.h"
#include "owner.h"
#include "registry.h"
#include "user.h"

/* ATTACK: not of tombstones, either: who has many die at once would have more than his part. */
static bool has_enough(struct registry *registry, uint32_t uid)
{
	if (registry_count_user(registry, uid) < USER_CONTAINERS_MAX)
		return false;
	/* some may have gone in the kernel since */
	registry_sweep(registry);
	return registry_count_user(registry, uid) >= USER_CONTAINERS_MAX;
}

int registry_check_user(struct registry *registry, uint32_t uid, struct failure *failure)
{
	if (!uid)
		return 0;
	if (registry->shim_fd < 0)
		return failure_set(
			failure, -ENODEV, "NoShim",
			"the kernel module upcall_shim is not there to say whose a process is");
	if (registry->count >= REGISTRY_MAX / 2)
		return failure_set(
			failure, -EDQUOT, "LimitReached",
			"there are %zu registered containers, and what is left of %d is root's",
			registry->count, REGISTRY_MAX);
	if (has_enough(registry, uid))
		return failure_set(
			failure, -EDQUOT, "LimitReached",
			"user %u has %d registered containers, which is the limit for one", uid,
			USER_CONTAINERS_MAX);
	return 0;
}

bool registry_may_say(struct registry *registry, const struct container *container)
{
	const ev_tstamp now = ev_now(registry->loop);

	if (!container->uid)
		return true;
	if (now - registry->users_said < 1. && now >= registry->users_said)
		return false;
	registry->users_said = now;
	return true;
}

int registry_check_welcome(const struct container *container, struct failure *failure)
{
	if (!container->uid || container->policy)
		return 0;
	return failure_set(
		failure, -EPERM, "Denied",
		"no policy is for container '%s' of user %u: one needs User= in its [Match], see upcalld.d(5)",
		container->name, container->uid);
}

/*
 * ATTACK: a process that is a container's already would be another's for being registered, and
 * what it was refused, it would be refused no more. Where one may be is the host's to say.
 */
int registry_check_place(const struct registry *registry, const struct container *container,
			 const struct tags *tags, struct failure *failure)
{
	const struct container *around;

	if (!container->uid)
		return 0;
	if (tags->adoption.present)
		return failure_set(
			failure, -EPERM, "Denied",
			"process %u is in a control group whose containers a policy takes by Cgroup=",
			container->leader);
	if (tags->scope != UPCALL_SCOPE_CONTAINER && tags->scope != UPCALL_SCOPE_AMBIGUOUS)
		return 0;
	around = owner_of(registry, tags).container;
	if (around && around->uid == container->uid)
		return 0;
	return failure_set(failure, -EPERM, "Denied",
			   "process %u is in a container that user %u has not registered",
			   container->leader, container->uid);
}

int registry_check_users_cgroup(const char *path, uint32_t uid, struct failure *failure)
{
	uint32_t owner;
	int ret;

	if (!uid)
		return 0;
	ret = cgroup_owner(path, &owner);
	if (ret < 0)
		return failure_set(failure, ret, "NoSuchCgroup", "cgroup '%.*s%s': %s",
				   TEXT_SHORT(path, 256), strerror(-ret));
	if (owner != uid)
		return failure_set(failure, -EPERM, "Denied",
				   "cgroup '%.*s%s' belongs to user %u, not to user %u",
				   TEXT_SHORT(path, 256), owner, uid);
	return 0;
}

bool registry_is_users(const struct registry *registry, const char *name, uint32_t uid)
{
	struct container *container = registry_by_name(registry, name);

	if (!uid)
		return true;
	if (container && container->uid != uid)
		return false;
	for (container = registry_tombstone(registry, name); container;
	     container = registry_tombstone_next(container))
		if (container->uid != uid)
			return false;
	return true;
}

void registry_drop_unwelcome(struct registry *registry)
{
	struct container *container, *after;
	struct failure ignored = FAILURE_NULL;

	list_for_each_entry_safe(container, after, &registry->containers, link)
		if (container->uid && !container->policy)
			(void)registry_unregister(registry, container->name, &ignored);
}
