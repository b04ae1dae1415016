// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registry after a restart
 *
 * Three things may disagree: the state files, the kernel's table (empty if the
 * module was loaded again), and the processes. A file whose leader is still who
 * it was brings its container back; any other is removed. Where the kernel has
 * the container, too, it is believed in all that both know: it has compared.
 *
 * Where there is no module there is no table either: whose leader is who it was
 * waits until there is one, and is entered into it by the daemon that starts then.
 *
 * No entry of the kernel's is ever taken out here. A live one for which no file
 * speaks (damaged, of another daemon's, or we are short of memory) is somebody's
 * container all the same: it is made to refuse everything, and is listed, until
 * somebody unregisters it. A tombstone stays what it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "journal.h"
#include "policy.h"
#include "process.h"
#include "registry.h"
#include "shim.h"
#include "state.h"
#include "text.h"

struct found {
	struct hash_node by_name;
	struct list link;
	bool known; /* brought back, or buried */
	struct upcall_container kernel;
};

struct survey {
	struct hash by_name;
	struct list entries;
};

static void survey_close(struct survey *survey)
{
	struct found *found, *after;

	list_for_each_entry_safe(found, after, &survey->entries, link) {
		list_unlink(&found->link);
		free(found);
	}
	hash_clear(&survey->by_name);
}

static int survey_make(struct survey *survey, int shim_fd)
{
	uint64_t after = 0;
	int ret;

	for (;;) {
		struct found *found = calloc(1, sizeof(*found));

		if (!found)
			return -ENOMEM;
		list_append(&survey->entries, &found->link);
		ret = shim_container_next(shim_fd, after, &found->kernel);
		if (ret < 0) {
			list_unlink(&found->link);
			free(found);
			return ret == -ENOENT ? 0 : ret;
		}
		found->kernel.name[UPCALL_NAME_LEN - 1] = '\0';
		after = found->kernel.id;
		if (hash_add(&survey->by_name, &found->by_name, hash_text(found->kernel.name)) < 0)
			return -ENOMEM;
	}
}

static struct found *survey_find(const struct survey *survey, const struct container *container)
{
	struct hash_node *node = hash_first(&survey->by_name, hash_text(container->name));

	for (; node; node = hash_next(node)) {
		struct found *found = container_of(node, struct found, by_name);

		if (!strcmp(found->kernel.name, container->name) &&
		    found->kernel.leader == container->leader &&
		    found->kernel.start_time == container->start_time)
			return found;
	}
	return NULL;
}

/* -------------------------------------------------------------- containers */

static int find_leader(struct registry *registry, struct container *container)
{
	int ret;

	container->pidfd = pidfd_of(container->leader);
	if (container->pidfd < 0)
		return container->pidfd;
	ret = container_check_leader(container, registry->shim_fd);
	/* who cannot be told just now is asked again on every use */
	if (ret < 0 && ret != -EAGAIN)
		return ret;
	return pidfd_alive(container->pidfd) ? 0 : -ESRCH;
}

/* Of whom it cannot be told, for want of memory or descriptors, it is assumed. */
static bool leader_lives(const struct registry *registry, const struct upcall_container *kernel)
{
	cleanup_fd int pidfd = pidfd_of(kernel->leader);
	struct tags tags;
	int ret;

	if (pidfd < 0)
		return pidfd == -EMFILE || pidfd == -ENFILE || pidfd == -ENOMEM;
	ret = shim_tags(registry->shim_fd, kernel->leader, &tags);
	if (ret < 0)
		return ret != -ESRCH && pidfd_alive(pidfd);
	return tags.start_time == kernel->start_time && pidfd_alive(pidfd);
}

static const char *why_tombstone(const struct registry *registry,
				 const struct upcall_container *kernel)
{
	return leader_lives(registry, kernel) ? REGISTRY_LEADER_LEFT : NULL;
}

/* True if the file said something else. */
static bool believe_kernel(struct container *container, const struct upcall_container *kernel)
{
	bool same = container->own_ns == kernel->own_ns &&
		    container->net_cookie == kernel->net_cookie &&
		    container->cgroup_id == kernel->cgroup_id &&
		    !memcmp(container->ns, kernel->ns, sizeof(container->ns));
	uint32_t derived = container->cgroup_derived;

	if (container->cgroup_id != kernel->cgroup_id) {
		free(container->cgroup);
		container->cgroup = NULL;
	}
	container_from_kernel(container, kernel);
	return !same || container->cgroup_derived != derived;
}

/* Its entry, also among those of the survey from now on; or NULL. */
static struct found *add_again(struct registry *registry, struct container *container,
			       struct survey *survey, int *error)
{
	struct found *found = calloc(1, sizeof(*found));

	if (!found) {
		*error = -ENOMEM;
		return NULL;
	}
	container_to_kernel(container, &found->kernel);
	*error = shim_container_add(registry->shim_fd, &found->kernel);
	/* an older module, which takes each for its container's alone */
	if (*error == -EINVAL && container->cgroup_derived) {
		found->kernel.flags &= ~(uint32_t)UPCALL_CONTAINER_SHARED;
		*error = shim_container_add(registry->shim_fd, &found->kernel);
	}
	/* it has been removed, and the container lives elsewhere: what the kernel finds now */
	if (*error == -ENOENT && container->cgroup_derived) {
		found->kernel.flags &= ~(uint32_t)UPCALL_CONTAINER_SHARED;
		found->kernel.cgroup_id = 0;
		*error = shim_container_add(registry->shim_fd, &found->kernel);
	}
	if (*error < 0) {
		free(found);
		return NULL;
	}
	list_append(&survey->entries, &found->link);
	return found;
}

/* The kernel has it. */
static int take_back(struct registry *registry, struct container *container, struct found *found)
{
	bool changed = believe_kernel(container, &found->kernel) || container->place_new;
	struct upcall_policy policy;
	int ret;

	ret = find_leader(registry, container);
	if (ret >= 0)
		ret = registry_find_cgroup(container);
	if (ret < 0)
		return ret;
	if (changed && (ret = state_save(registry->state_fd, container)) < 0)
		journal_log(LOG_WARNING,
			    "Container %s: cannot correct its state file, ignoring: %s",
			    container->name, strerror(-ret));
	policy_to_kernel(container->policy, &policy);
	ret = shim_container_policy(registry->shim_fd, container->id, &policy);
	if (ret >= 0)
		ret = registry_insert(registry, container);
	if (ret >= 0)
		found->known = true;
	return ret;
}

/* It may be otherwise at the next start. */
static bool is_passing(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EAGAIN;
}

/* Whoever registered it was told nothing of that: the kernel had not been asked. */
static int add_refused(const struct registry *registry, const struct container *container,
		       int error)
{
	struct failure failure = FAILURE_NULL;

	if (is_passing(error) || error == -ESRCH)
		return error;
	(void)registry_explain_add(registry, container, error, &failure);
	journal_log(LOG_ERR, "Container %s waited for the module in vain: %s", container->name,
		    failure.text);
	return -ECANCELED;
}

/*
 * ATTACK: its leader has moved while there was no table, which with one would have
 * made it refuse everything. It does so from now on, wherever it is.
 */
static int bury_moved(struct registry *registry, struct container *container, struct found *found)
{
	found->known = true;
	container_from_kernel(container, &found->kernel);
	registry_deny(registry, container->id, container->name);
	journal_log(LOG_WARNING,
		    "Container %s: " REGISTRY_LEADER_LEFT
		    "; all its upcalls are refused until somebody unregisters it",
		    container->name);
	registry_bury(registry, container, REGISTRY_LEADER_LEFT);
	return 1;
}

/* Into the table; `moved`: the leader is who it was, and not where it was. */
static int enter(struct registry *registry, struct container *container, struct survey *survey,
		 const struct tags *tags, bool moved)
{
	bool waited = registry_has_waited(container);
	struct found *found;
	int ret;

	/* ORDER: with the start time by which the next daemon finds it in the table, should we die */
	if (waited)
		(void)state_save(registry->state_fd, container);
	found = add_again(registry, container, survey, &ret);
	if (ret == -ENOTUNIQ && waited && registry_use_own_cgroup(container, tags) >= 0)
		found = add_again(registry, container, survey, &ret);
	if (found)
		return moved ? bury_moved(registry, container, found) :
			       take_back(registry, container, found);
	/* its main thread has ended, or it executes just now: nobody can say yet where it is */
	if (moved && ret == -ESRCH)
		return -EAGAIN;
	return waited ? add_refused(registry, container, ret) : ret;
}

/* The kernel has it not: its module has been loaded again, or was never told. */
static int start_again(struct registry *registry, struct container *container,
		       struct survey *survey)
{
	struct tags tags;
	int ret;

	if (!container->own_ns && !registry_has_waited(container))
		return -ECANCELED;
	if (registry->shim_fd < 0)
		return registry_wait_again(registry, container);
	ret = registry_recognize(registry, container, &tags);
	if (ret < 0 && ret != -EXDEV)
		return ret;
	return enter(registry, container, survey, &tags, /* moved= */ ret == -EXDEV);
}

/* 1: it is a tombstone, and buried. The registry has the container if the return is not negative. */
static int bring_back(struct registry *registry, struct container *container, struct survey *survey)
{
	struct found *found = survey_find(survey, container);
	int ret;

	if (found && found->kernel.state == UPCALL_CONTAINER_TOMBSTONE) {
		found->known = true;
		container_from_kernel(container, &found->kernel);
		registry_bury(registry, container, why_tombstone(registry, &found->kernel));
		return 1;
	}
	ret = container_set_config(container, registry->config);
	if (ret < 0)
		journal_log(LOG_ERR, "Container %s: its cgroup cannot be told, all is refused: %s",
			    container->name, strerror(-ret));
	return found ? take_back(registry, container, found) :
		       start_again(registry, container, survey);
}

static void say_why(const char *name, const struct container *container, int error)
{
	char escaped[4 * UPCALL_NAME_LEN];

	text_escape(name, strlen(name), escaped, sizeof(escaped));
	if (!container)
		journal_log(
			LOG_ERR,
			"State file %s cannot be read; its container has to be registered again: %s",
			escaped, strerror(-error));
	else if (error == -ESRCH)
		journal_log(LOG_INFO, "Container %s: its leader, process %u, has ended meanwhile",
			    escaped, container->leader);
	else if (error == -ECANCELED)
		journal_log(LOG_INFO, "Container %s: its registration was not finished", escaped);
	else
		journal_log(LOG_ERR, "Container %s cannot be brought back: %s", escaped,
			    strerror(-error));
}

static void restore_one(struct registry *registry, const char *name, struct survey *survey)
{
	struct container *container = NULL;
	int ret;

	ret = state_load(registry->state_fd, name, &container);
	if (ret >= 0)
		ret = bring_back(registry, container, survey);
	if (ret == 0)
		return;
	if (ret < 0) {
		say_why(name, container, ret);
		container_free(container);
	}
	if (is_passing(ret))
		return;
	state_remove(registry->state_fd, name);
	if (text_is_name(name))
		registry->watcher->was_gone(registry->watcher, name);
}

/* ------------------------------------------------------- what is left over */

static void bury_found(struct registry *registry, const struct found *found, const char *refused)
{
	struct container *tombstone;

	/* no name that we give, nor one that could be listed */
	if (!text_plain(found->kernel.name, UPCALL_NAME_LEN))
		return;
	tombstone = container_new(found->kernel.name);
	if (!tombstone)
		return;
	container_from_kernel(tombstone, &found->kernel);
	registry_bury(registry, tombstone, refused);
}

static void settle_unknown(struct registry *registry, const struct found *found)
{
	const struct upcall_container *kernel = &found->kernel;
	char escaped[4 * UPCALL_NAME_LEN];

	registry_deny(registry, kernel->id, kernel->name);
	text_escape(kernel->name, strlen(kernel->name), escaped, sizeof(escaped));
	journal_log(
		LOG_ERR,
		"Container %s: " REGISTRY_UNKNOWN
		"; all its upcalls are refused until somebody unregisters it: upcallctl unregister %s",
		escaped, escaped);
	bury_found(registry, found, REGISTRY_UNKNOWN);
}

static void settle_rest(struct registry *registry, struct survey *survey)
{
	struct found *found;

	list_for_each_entry(found, &survey->entries, link) {
		if (found->known)
			continue;
		if (found->kernel.state == UPCALL_CONTAINER_TOMBSTONE)
			bury_found(registry, found, why_tombstone(registry, &found->kernel));
		else
			settle_unknown(registry, found);
	}
}

static int restore_from(struct registry *registry, struct survey *survey)
{
	char **names = NULL;
	int ret;

	ret = registry->shim_fd < 0 ? 0 : survey_make(survey, registry->shim_fd);
	if (ret < 0)
		return ret;
	state_sweep(registry->state_fd);
	ret = state_names(registry->state_fd, &names);
	for (char **name = names; ret >= 0 && name && *name; name++)
		restore_one(registry, *name, survey);
	strv_free(names);
	/* also if there were no names to be had */
	settle_rest(registry, survey);
	return ret;
}

int registry_restore(struct registry *registry)
{
	struct survey survey = { 0 };
	int ret;

	list_init(&survey.entries);
	ret = restore_from(registry, &survey);
	survey_close(&survey);
	registry_drop_unwelcome(registry);
	return ret;
}
