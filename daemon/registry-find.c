// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a container is found by
 *
 * With ten thousand of them, registering one, its upcalls and its end cost what they cost with
 * ten, so none of these looks at all. Adopting one does (registry-adopt.c), and who asks for a
 * list. Live ones have their names to themselves, tombstones may share theirs.
 */
#include <errno.h>
#include <string.h>

#include "registry.h"

static struct container *named(struct hash_node *node, const char *name)
{
	for (; node; node = hash_next(node)) {
		struct container *container = container_of(node, struct container, by_name);

		if (!strcmp(container->name, name))
			return container;
	}
	return NULL;
}

struct container *registry_by_name(const struct registry *registry, const char *name)
{
	return named(hash_first(&registry->by_name, hash_text(name)), name);
}

struct container *registry_tombstone(const struct registry *registry, const char *name)
{
	return named(hash_first(&registry->tombstones_by_name, hash_text(name)), name);
}

struct container *registry_tombstone_next(struct container *tombstone)
{
	return named(hash_next(&tombstone->by_name), tombstone->name);
}

struct container *registry_by_id(const struct registry *registry, uint64_t id)
{
	struct hash_node *node = hash_first(&registry->by_id, id);

	return node ? container_of(node, struct container, by_id) : NULL;
}

static struct container *led(struct hash_node *node)
{
	return node ? container_of(node, struct container, by_leader) : NULL;
}

struct container *registry_by_leader(const struct registry *registry, uint32_t leader)
{
	return led(hash_first(&registry->by_leader, leader));
}

struct container *registry_by_leader_next(struct container *container)
{
	return led(hash_next(&container->by_leader));
}

unsigned int registry_count_user(const struct registry *registry, uint32_t uid)
{
	struct hash_node *node = hash_first(&registry->by_user, uid);
	unsigned int count = 0;

	for (; node; node = hash_next(node))
		count++;
	return count;
}

/* On failure it is not to be found. */
int registry_index(struct registry *registry, struct container *container, struct hash *names)
{
	int ret = hash_add(names, &container->by_name, hash_text(container->name));

	if (ret >= 0)
		ret = hash_add(&registry->by_leader, &container->by_leader, container->leader);
	if (ret >= 0 && container->uid)
		ret = hash_add(&registry->by_user, &container->by_user, container->uid);
	if (ret < 0)
		registry_unindex(registry, container);
	return ret;
}

void registry_unindex(struct registry *registry, struct container *container)
{
	hash_remove(&registry->by_name, &container->by_name);
	hash_remove(&registry->tombstones_by_name, &container->by_name);
	hash_remove(&registry->by_leader, &container->by_leader);
	hash_remove(&registry->by_user, &container->by_user);
}
