// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Containers that wait for the module
 *
 * What identifies one then is from procfs: the leader's start time, which is cut
 * to a clock tick there, and the inode numbers of its namespaces; there is no network
 * cookie. So its state file says NET_COOKIE=0, as no other does, and OWN_NS=0, since
 * which namespaces are a container's own is for the kernel to say.
 *
 * The pid is a name for the process only while the pidfd says that it lives, so that
 * is looked at after what was read by it.
 */
#include <errno.h>
#include <string.h>

#include "process.h"
#include "registry.h"
#include "shim.h"
#include "state.h"

static int look(const struct container *container, uint64_t *start_time,
		uint32_t ns[UPCALL_NS_COUNT])
{
	int ret;

	ret = process_start_time(container->leader, start_time);
	if (ret >= 0)
		ret = process_namespaces(container->leader, ns);
	return !pidfd_alive(container->pidfd) ? -ESRCH : ret;
}

/* As far as can be told from here: PID 1 is on the host. */
static bool is_on_host(const struct container *container)
{
	uint32_t host[UPCALL_NS_COUNT];

	return process_namespaces(1, host) >= 0 && !memcmp(host, container->ns, sizeof(host));
}

static bool leads_another(const struct registry *registry, const struct container *container)
{
	struct container *other;

	for (other = registry_by_leader(registry, container->leader); other;
	     other = registry_by_leader_next(other))
		if (other->registry)
			return true;
	return false;
}

static int enter(struct registry *registry, struct container *container)
{
	int ret;

	ret = state_save(registry->state_fd, container);
	if (ret < 0)
		return ret;
	ret = registry_insert(registry, container);
	if (ret < 0)
		state_remove(registry->state_fd, container->name);
	return ret;
}

int registry_look(struct container *container, struct failure *failure)
{
	int ret;

	ret = look(container, &container->start_time, container->ns);
	if (ret == -ESRCH)
		return failure_set(failure, ret, "NoSuchProcess", "process %u has ended",
				   container->leader);
	if (ret < 0)
		return failure_set(failure, ret, "Failed", "cannot read what process %u is: %s",
				   container->leader, strerror(-ret));
	if (is_on_host(container))
		return registry_no_container(container, failure);
	return 0;
}

int registry_wait(struct registry *registry, struct container *container, struct failure *failure)
{
	int ret;

	if (leads_another(registry, container))
		return registry_explain_exists(registry, container, failure);
	ret = enter(registry, container);
	return ret < 0 ? failure_set(failure, ret, "Failed", "cannot keep '%s': %s",
				     container->name, strerror(-ret)) :
			 0;
}

int registry_wait_again(struct registry *registry, struct container *container)
{
	uint64_t start_time;
	int ret;

	container->pidfd = pidfd_of(container->leader);
	if (container->pidfd < 0)
		return container->pidfd;
	ret = process_start_time(container->leader, &start_time);
	if (ret < 0)
		return ret;
	if (!pidfd_alive(container->pidfd) || start_time != process_cut_time(container->start_time))
		return -ESRCH;
	return registry_insert(registry, container);
}

bool registry_has_waited(const struct container *container)
{
	return !container->own_ns && !container->net_cookie;
}

int registry_recognize(const struct registry *registry, struct container *container,
		       struct tags *tags)
{
	bool waited = registry_has_waited(container);
	int ret;

	ret = shim_tags(registry->shim_fd, container->leader, tags);
	if (ret < 0)
		return ret;
	if (waited ? process_cut_time(tags->start_time) != process_cut_time(container->start_time) :
		     tags->start_time != container->start_time)
		return -ESRCH;
	container->start_time = tags->start_time;
	if (memcmp(tags->ns, container->ns, sizeof(tags->ns)) != 0 ||
	    (!waited && tags->net_cookie != container->net_cookie))
		return -EXDEV;
	return 0;
}
