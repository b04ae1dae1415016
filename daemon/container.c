// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "container.h"
#include "policy.h"
#include "process.h"
#include "shim.h"
#include "text.h"

struct container *container_new(const char *name)
{
	struct container *container = calloc(1, sizeof(*container));

	if (!container)
		return NULL;
	list_init(&container->link);
	container->pidfd = -1;
	text_copy(container->name, sizeof(container->name), name, strlen(name));
	return container;
}

struct container *container_free(struct container *container)
{
	if (!container)
		return NULL;
	close_keep_errno(container->pidfd);
	config_unref(container->config);
	strv_free(container->labels);
	free(container->runtime);
	free(container->cgroup);
	free(container->place);
	free(container);
	return NULL;
}

/*
 * A main thread that has ended, or is just being replaced by another thread's
 * exec, has no namespaces left; its process may live on, and has not moved.
 */
static bool is_between(const struct container *container, const struct tags *tags)
{
	return !tags->ns[UPCALL_NS_MNT] &&
	       tags->ns[UPCALL_NS_PID] == container->ns[UPCALL_NS_PID] &&
	       tags->ns[UPCALL_NS_USER] == container->ns[UPCALL_NS_USER] &&
	       pidfd_alive(container->pidfd);
}

int container_check_leader(const struct container *container, int shim_fd)
{
	struct tags tags;
	int ret;

	if (container->moved)
		return -ESRCH;
	ret = shim_tags(shim_fd, container->leader, &tags);
	if (ret < 0)
		return ret;
	if (tags.start_time == container->start_time && is_between(container, &tags))
		return -EAGAIN;
	if (tags.start_time != container->start_time || tags.net_cookie != container->net_cookie ||
	    memcmp(tags.ns, container->ns, sizeof(tags.ns)))
		return -ESRCH;
	return 0;
}

/* A process in no cgroup of version 2 is nowhere, and so is one that has ended. */
static int find_place(struct container *container)
{
	char path[CGROUP_PATH_MAX + 2], place[CGROUP_PATH_MAX + 1];
	int ret;

	ret = process_cgroup(container->leader, path, sizeof(path));
	if (ret < 0)
		return ret == -ENOENT || ret == -ESRCH ? 0 : ret;
	if (!strcmp(path, "/"))
		return 0;
	ret = cgroup_normalize(path, place, sizeof(place));
	if (ret < 0)
		return ret;
	container->place = strdup(place);
	container->place_new = container->place != NULL;
	return container->place ? 0 : -ENOMEM;
}

/* Of whom it is not known which one it is: refused, as by a file that cannot be read. */
static char nowhere[] = "";
static const struct policy placeless = { .file = nowhere, .bad = true };

int container_set_config(struct container *container, struct config *config)
{
	struct policy_subject subject = { container->name, NULL, container->runtime,
					  container->uid };
	int ret = 0;

	if (!container->place && config_has_cgroups(config))
		ret = find_place(container);
	subject.cgroup = container->place;
	config_ref(config);
	config_unref(container->config);
	container->config = config;
	container->policy = ret < 0 ? &placeless : policy_select(config, &subject);
	return ret;
}

void container_to_kernel(const struct container *container, struct upcall_container *ret)
{
	*ret = (struct upcall_container){
		.leader = container->leader,
		.start_time = container->start_time,
		.cgroup_id = container->cgroup_id,
	};
	memcpy(ret->name, container->name, sizeof(ret->name));
	if (container_is_adopted(container) && !container->cgroup_id)
		ret->flags = UPCALL_CONTAINER_UNBOUNDED;
	/* else it would be believed to be its alone */
	if (container->cgroup_derived)
		ret->flags |= UPCALL_CONTAINER_SHARED;
	if (container->uid) {
		ret->flags |= UPCALL_CONTAINER_OWNED;
		ret->owner = container->uid;
	}
	policy_to_kernel(container->policy, &ret->policy);
}

void container_from_kernel(struct container *container, const struct upcall_container *kernel)
{
	container->id = kernel->id;
	container->uid = kernel->owner;
	container->leader = kernel->leader;
	container->start_time = kernel->start_time;
	container->net_cookie = kernel->net_cookie;
	/* An older module does not say it; of what has lost its file nobody knows, and it may be. */
	if (kernel->flags & UPCALL_CONTAINER_SHARED || !container->cgroup_id || !kernel->cgroup_id)
		container->cgroup_derived = kernel->cgroup_id ? 1 : 0;
	container->cgroup_id = kernel->cgroup_id;
	container->own_ns = kernel->own_ns;
	memcpy(container->ns, kernel->ns, sizeof(container->ns));
}

void container_to_request(const struct container *container, struct worker_request *request)
{
	const char *cgroup = container->cgroup ?: "";

	request->container = container->id;
	request->start_time = container->start_time;
	request->net_cookie = container->net_cookie;
	request->cgroup_id = container->cgroup_id;
	request->leader = container->leader;
	request->own_ns = container->own_ns;
	memcpy(request->ns, container->ns, sizeof(request->ns));
	memcpy(request->container_name, container->name, sizeof(request->container_name));
	text_copy(request->cgroup, sizeof(request->cgroup), cgroup, strlen(cgroup));
}
