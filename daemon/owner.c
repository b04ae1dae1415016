// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>

#include "owner.h"

static const char *rule_name(const struct tags *tags)
{
	switch ((enum upcall_class)tags->class) {
	case UPCALL_CLASS_KEY:
		return tags->key.has_net ? "network namespace of the key" : "requester";
	case UPCALL_CLASS_RELEASE_AGENT:
		return "cgroup";
	case UPCALL_CLASS_CORE:
	case UPCALL_CLASS_MODULE:
	case UPCALL_CLASS_OTHER:
	case __UPCALL_CLASS_COUNT:
		break;
	}
	return "requester";
}

struct owner owner_of(const struct registry *registry, const struct tags *tags)
{
	struct owner owner = { .rule = rule_name(tags) };

	if (tags->scope == UPCALL_SCOPE_AMBIGUOUS)
		owner.reason = "several containers match and none is nearer";
	else if (tags->scope != UPCALL_SCOPE_CONTAINER || tags->container < UPCALL_CONTAINER_FIRST)
		owner.reason = "of no container";
	else
		owner.container = registry_by_id(registry, tags->container);
	if (!owner.container && !owner.reason)
		owner.reason = "of a container that is not registered here";
	return owner;
}
