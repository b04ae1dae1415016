// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "cleanup.h"
#include "journal.h"
#include "policy.h"
#include "priority.h"
#include "process.h"
#include "registry.h"
#include "shim.h"
#include "state.h"
#include "text.h"

void registry_init(struct registry *registry, struct ev_loop *loop, struct config *config,
		   struct registry_watcher *watcher, int shim_fd, int state_fd)
{
	*registry = (struct registry){
		.loop = loop,
		.watcher = watcher,
		.config = config_ref(config),
		.shim_fd = shim_fd,
		.state_fd = state_fd,
	};
	list_init(&registry->containers);
	list_init(&registry->tombstones);
}

static void save_counts(struct registry *registry, const struct container *container)
{
	int ret;

	if (!container->counted || registry->state_fd < 0)
		return;
	ret = state_save(registry->state_fd, container);
	if (ret < 0)
		journal_log(LOG_WARNING, "Container %s: cannot save its counters, ignoring: %s",
			    container->name, strerror(-ret));
}

static void forget_tombstone(struct registry *registry, struct container *tombstone)
{
	registry_unindex(registry, tombstone);
	list_unlink(&tombstone->link);
	registry->tombstones_count--;
	container_free(tombstone);
}

void registry_close(struct registry *registry)
{
	struct container *container, *after;

	if (!registry->loop)
		return;
	list_for_each_entry_safe(container, after, &registry->containers, link) {
		save_counts(registry, container);
		registry_take_out(container);
		container_free(container);
	}
	list_for_each_entry_safe(container, after, &registry->tombstones, link)
		forget_tombstone(registry, container);
	hash_clear(&registry->by_name);
	hash_clear(&registry->by_id);
	hash_clear(&registry->tombstones_by_name);
	hash_clear(&registry->by_leader);
	hash_clear(&registry->by_user);
	registry->config = config_unref(registry->config);
	registry->state_fd = close_keep_errno(registry->state_fd);
	registry->loop = NULL;
}

/* ------------------------------------------------------------------ filter */

int registry_add_filter(const struct container *container, struct worker_request *request,
			int *ret_fd)
{
	cleanup_fd int fd = -1;
	struct stat status;

	*ret_fd = -1;
	if (!container->filter || !worker_runs_theirs(request->handler, request->run_in))
		return 0;
	fd = state_open_filter(container->registry->state_fd, container->name);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	if ((uint64_t)status.st_size != container->filter * sizeof(struct sock_filter))
		return -EBADMSG;
	request->filter = 1;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* ----------------------------------------------------------------- leaders */

static void remove_state(struct registry *registry, const char *name)
{
	if (registry->state_fd >= 0 && text_is_name(name))
		state_remove(registry->state_fd, name);
}

/* There is nothing in the kernel that could be a tombstone. It is freed. */
static void forget_waiting(struct container *container)
{
	struct registry *registry = container->registry;

	journal_log(LOG_INFO, "Container %s: its leader, process %u, has ended", container->name,
		    container->leader);
	registry->watcher->gone(registry->watcher, container, REGISTRY_LEADER_GONE);
	remove_state(registry, container->name);
	registry_take_out(container);
	container_free(container);
}

static void say_ended(const struct container *container, bool lives)
{
	if (lives)
		journal_log(LOG_WARNING,
			    "Container %s: " REGISTRY_LEADER_LEFT
			    "; all its upcalls are refused until somebody unregisters it",
			    container->name);
	else
		journal_log(LOG_INFO, "Container %s: its leader, process %u, has ended",
			    container->name, container->leader);
}

static void leader_event(struct watch *watch)
{
	struct container *container = container_of(watch, struct container, leader_watch);
	struct registry *registry = container->registry;
	bool lives = pidfd_alive(container->pidfd);

	if (container_waits(container)) {
		if (!lives)
			forget_waiting(container);
		return;
	}
	/* a leader that lives where it was is not buried, whoever says that something is ready */
	if (lives && !container->moved)
		return;
	if (registry_may_say(registry, container))
		say_ended(container, lives);
	registry->watcher->gone(registry->watcher, container, REGISTRY_LEADER_GONE);
	/* ORDER: before we forget it; the kernel, which looks for itself, may have seen nothing */
	registry_deny(registry, container->id, container->name);
	remove_state(registry, container->name);
	registry_take_out(container);
	registry_bury(registry, container, lives ? REGISTRY_LEADER_LEFT : NULL);
}

void registry_leader_moved(struct container *container)
{
	container->moved = true;
	watch_feed(&container->leader_watch);
}

int registry_insert(struct registry *registry, struct container *container)
{
	if (registry_index(registry, container, &registry->by_name) < 0)
		return -ENOMEM;
	if (container->id && hash_add(&registry->by_id, &container->by_id, container->id) < 0) {
		registry_unindex(registry, container);
		return -ENOMEM;
	}
	list_append(&registry->containers, &container->link);
	registry->count++;
	container->registry = registry;
	watch_init(&container->leader_watch, registry->loop, "a container's leader", leader_event,
		   PRIORITY_DEFAULT);
	watch_start(&container->leader_watch, container->pidfd, EV_READ);
	return 0;
}

void registry_take_out(struct container *container)
{
	struct registry *registry = container->registry;

	if (!registry)
		return;
	watch_stop(&container->leader_watch);
	registry_unindex(registry, container);
	hash_remove(&registry->by_id, &container->by_id);
	list_unlink(&container->link);
	registry->count--;
	container->registry = NULL;
}

/* -------------------------------------------------------------- tombstones */

static bool kernel_has(const struct registry *registry, uint64_t id)
{
	struct upcall_container kernel;
	int ret = shim_container_next(registry->shim_fd, id - 1, &kernel);

	return ret != -ENOENT && (ret < 0 || kernel.id == id);
}

/* Look at the oldest; true if it was forgotten. */
static bool sweep_one(struct registry *registry)
{
	struct container *oldest;

	if (list_empty(&registry->tombstones))
		return false;
	oldest = list_entry(registry->tombstones.next, struct container, link);
	if (!kernel_has(registry, oldest->id)) {
		forget_tombstone(registry, oldest);
		return true;
	}
	list_unlink(&oldest->link);
	list_append(&registry->tombstones, &oldest->link);
	return false;
}

void registry_sweep(struct registry *registry)
{
	for (size_t left = registry->tombstones_count; left > 0; left--)
		(void)sweep_one(registry);
}

void registry_deny(struct registry *registry, uint64_t id, const char *name)
{
	struct upcall_policy policy = { 0 };
	int ret;

	for (size_t i = 0; i < UPCALL_CLASS_COUNT; i++)
		policy.verdict[i] = UPCALL_VERDICT_DENY;
	ret = shim_container_policy(registry->shim_fd, id, &policy);
	if (ret < 0 && ret != -ENOENT)
		journal_log(LOG_ERR, "Container %.95s: cannot refuse its upcalls in the kernel: %s",
			    name, strerror(-ret));
}

void registry_bury(struct registry *registry, struct container *container, const char *refused)
{
	container->pidfd = close_keep_errno(container->pidfd);
	container->refused = refused;
	if (registry_index(registry, container, &registry->tombstones_by_name) < 0) {
		/* the kernel's entry, which is what refuses, stays */
		container_free(container);
		return;
	}
	list_append(&registry->tombstones, &container->link);
	registry->tombstones_count++;
	/* two for each new one, so that they do not pile up where nobody lists */
	(void)sweep_one(registry);
	(void)sweep_one(registry);
}

/* True if there was one. */
static bool unregister_tombstone(struct registry *registry, const char *name)
{
	struct container *tombstone;
	bool found = false;

	if (registry->shim_fd < 0)
		return false;
	registry_sweep(registry);
	while ((tombstone = registry_tombstone(registry, name))) {
		(void)shim_container_del(registry->shim_fd, tombstone->id);
		forget_tombstone(registry, tombstone);
		found = true;
	}
	/* it may have been kept for a better day */
	if (found)
		remove_state(registry, name);
	return found;
}

/* ------------------------------------------------------------ unregistering */

int registry_no_such(const char *name, struct failure *failure)
{
	return failure_set(failure, -ENOENT, "NoSuchContainer",
			   "no container is registered as '%.*s%s'", TEXT_SHORT(name, 64));
}

int registry_unregister(struct registry *registry, const char *name, struct failure *failure)
{
	struct container *container = registry_by_name(registry, name);
	int ret;

	if (!container && unregister_tombstone(registry, name))
		return 0;
	if (!container)
		return registry_no_such(name, failure);
	registry->watcher->gone(registry->watcher, container, REGISTRY_UNREGISTERED);
	ret = container->id ? shim_container_del(registry->shim_fd, container->id) : 0;
	if (ret < 0 && ret != -ENOENT)
		journal_log(LOG_WARNING, "Container %s: the kernel keeps its entry: %s", name,
			    strerror(-ret));
	remove_state(registry, container->name);
	registry_take_out(container);
	if (registry_may_say(registry, container))
		journal_log(LOG_INFO, "Container %s is not registered any more", container->name);
	container_free(container);
	return 0;
}

/*
 * What the kernel goes by when it forgets a tombstone. Of one whose leader has moved, or whose
 * registration was not read back, nothing is known here: that one goes by registry_unregister().
 */
static bool has_ended(const struct registry *registry, const struct container *container)
{
	if (container->refused || (container->pidfd >= 0 && pidfd_alive(container->pidfd)))
		return false;
	if (registry->shim_fd >= 0 && container->id && !kernel_has(registry, container->id))
		return true;
	if (!container->cgroup_id)
		return true;
	return container->cgroup && cgroup_is_empty(container->cgroup);
}

static int not_all_has_ended(const struct container *container, struct failure *failure)
{
	if (container->refused)
		return failure_set(
			failure, -EBUSY, "Busy",
			"whether all of the container that is registered as '%s' has ended "
			"is not known: %s; 'upcallctl unregister %s' forgets it in any case",
			container->name, container->refused, container->name);
	return failure_set(failure, -EBUSY, "Busy",
			   "of the container that is registered as '%s', not all has ended",
			   container->name);
}

int registry_unregister_ended(struct registry *registry, const char *name, struct failure *failure)
{
	struct container *container = registry_by_name(registry, name);
	const struct container *left = container && !has_ended(registry, container) ? container :
										      NULL;

	if (registry->shim_fd >= 0)
		registry_sweep(registry);
	for (container = registry_tombstone(registry, name); container;
	     container = registry_tombstone_next(container))
		if (!has_ended(registry, container))
			left = container;
	return left ? not_all_has_ended(left, failure) :
		      registry_unregister(registry, name, failure);
}

/* ---------------------------------------------------------------- policies */

static void tell_policy(struct registry *registry, const struct container *container)
{
	struct upcall_policy policy;
	int ret;

	policy_to_kernel(container->policy, &policy);
	ret = shim_container_policy(registry->shim_fd, container->id, &policy);
	if (ret < 0)
		journal_log(LOG_ERR, "Container %s: cannot set its policy in the kernel: %s",
			    container->name, strerror(-ret));
}

/* Where it is when it is first asked for is kept: it may move, and not choose by that. */
static void choose_policy(struct registry *registry, struct container *container)
{
	int ret = container_set_config(container, registry->config);

	if (ret >= 0 && container->place_new)
		ret = state_save(registry->state_fd, container);
	container->place_new = false;
	if (ret < 0)
		journal_log(LOG_ERR, "Container %s: its cgroup cannot be told, or saved: %s",
			    container->name, strerror(-ret));
}

void registry_set_config(struct registry *registry, struct config *config)
{
	struct container *container;

	config_ref(config);
	config_unref(registry->config);
	registry->config = config;
	list_for_each_entry(container, &registry->containers, link) {
		choose_policy(registry, container);
		if (container->id)
			tell_policy(registry, container);
	}
	registry_drop_unwelcome(registry);
}
