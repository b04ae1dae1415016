// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registering
 *
 * Who the leader is comes from the pidfd, what it is from the shim. A pid is
 * used as a name only while the pidfd says that it has not been given to
 * another: ADD goes by pid and start time, and the pidfd is looked at after it.
 *
 * The state file comes before ADD, so that whatever is in the kernel's table is
 * known to the next daemon, too. Until the kernel has told what it made of the
 * leader, it says OWN_NS=0, which no container has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "clock.h"
#include "journal.h"
#include "process.h"
#include "registry.h"
#include "seccomp-code.h"
#include "shim.h"
#include "state.h"
#include "text.h"

static void cleanup_container_(struct container **container)
{
	*container = container_free(*container);
}

/* -------------------------------------------------------------- arguments */

bool registry_takes(const struct registry *registry)
{
	return registry->shim_fd >= 0 || (registry->no_module && !registry->require_shim);
}

/* Not if it is its own already: adopted, and registered now. */
static bool is_taken(const struct registry *registry, const char *name, int pidfd, uint32_t uid)
{
	const struct container *other = registry_by_name(registry, name);
	uint32_t pid;

	return other && !(!uid && container_is_adopted(other) && pidfd_pid(pidfd, &pid) >= 0 &&
			  pid == other->leader);
}

static int check_filter(const struct registry_options *options, struct failure *failure)
{
	const struct sock_filter *code = options->filter;
	const size_t count = options->filter_size / sizeof(*code);
	size_t at = 0;
	int ret;

	if (!options->filter_size)
		return 0;
	if (options->filter_size % sizeof(*code) != 0)
		return failure_set(
			failure, -EINVAL, "BadArgument",
			"the seccomp filter's %zu bytes are no instructions of %zu bytes each",
			options->filter_size, sizeof(*code));
	ret = seccomp_code_check(code, count, &at);
	if (ret == -E2BIG)
		return failure_set(failure, -EINVAL, "BadArgument",
				   "the seccomp filter has %zu instructions, more than %d", count,
				   BPF_MAXINSNS);
	if (ret == -EPERM)
		return failure_set(
			failure, -EINVAL, "BadArgument",
			"the seccomp filter's instruction %zu can return 0 for a call that is not made: errno 0",
			at);
	return ret < 0 ?
		       failure_set(
			       failure, -EINVAL, "BadArgument",
			       "the seccomp filter's instruction %zu is none that Linux takes there",
			       at) :
		       0;
}

static int check_arguments(struct registry *registry, const char *name, int pidfd,
			   const struct registry_options *options, struct failure *failure)
{
	int ret;

	if (!text_is_name(name))
		return failure_set(
			failure, -EINVAL, "BadName",
			"'%.*s%s' is no name for a container: 1 to 63 of a-z, 0-9, '_', '.' and '-', the first a letter or digit",
			TEXT_SHORT(name, 127));
	if (!registry_takes(registry))
		return failure_set(failure, -ENODEV, "NoShim",
				   "the kernel module upcall_shim is not there");
	ret = registry_check_user(registry, options->uid, failure);
	if (ret < 0)
		return ret;
	if (is_taken(registry, name, pidfd, options->uid))
		return failure_set(failure, -EEXIST, "NameTaken",
				   "a container is registered as '%s' already", name);
	if (registry->count >= REGISTRY_MAX)
		return failure_set(failure, -EDQUOT, "LimitReached",
				   "there are %d registered containers, which is the limit",
				   REGISTRY_MAX);
	if (options->runtime && !text_plain(options->runtime, STATE_RUNTIME_LEN))
		return failure_set(
			failure, -EINVAL, "BadArgument",
			"the runtime's name is empty, longer than %d bytes or not printable",
			STATE_RUNTIME_LEN);
	if (strv_count(options->labels) > STATE_LABELS_MAX)
		return failure_set(failure, -EINVAL, "BadArgument", "more than %d labels",
				   STATE_LABELS_MAX);
	for (char **label = options->labels; label && *label; label++)
		if (!text_plain(*label, STATE_LABEL_LEN))
			return failure_set(
				failure, -EINVAL, "BadArgument",
				"a label is empty, longer than %d bytes or not printable",
				STATE_LABEL_LEN);
	return check_filter(options, failure);
}

static int set_options(struct container *container, const struct registry_options *options,
		       struct failure *failure)
{
	char path[CGROUP_PATH_MAX + 1];
	int ret;

	container->uid = options->uid;
	container->since = clock_of_day_us();
	container->filter = (uint32_t)(options->filter_size / sizeof(struct sock_filter));
	if (options->runtime && !(container->runtime = strdup(options->runtime)))
		return failure_set(failure, -ENOMEM, "Failed", "out of memory");
	if (strv_copy(options->labels, &container->labels) < 0)
		return failure_set(failure, -ENOMEM, "Failed", "out of memory");
	if (!options->cgroup)
		return 0;
	ret = cgroup_normalize(options->cgroup, path, sizeof(path));
	if (ret >= 0)
		ret = cgroup_id(path, &container->cgroup_id);
	if (ret < 0)
		return failure_set(failure, ret, "NoSuchCgroup",
				   "'%.*s%s' is no cgroup below " CGROUP_ROOT ": %s",
				   TEXT_SHORT(options->cgroup, 256), strerror(-ret));
	ret = registry_check_users_cgroup(path, container->uid, failure);
	if (ret < 0)
		return ret;
	container->cgroup = strdup(path);
	return container->cgroup ? 0 : failure_set(failure, -ENOMEM, "Failed", "out of memory");
}

/* ------------------------------------------------------------------ leader */

static int gone(const struct container *container, struct failure *failure)
{
	return failure_set(failure, -ESRCH, "NoSuchProcess", "process %u has ended",
			   container->leader);
}

/* The pidfd becomes a copy of our own. */
static int set_leader(struct container *container, int pidfd, struct failure *failure)
{
	int ret;

	ret = pidfd_pid(pidfd, &container->leader);
	if (ret == -ESRCH)
		return failure_set(
			failure, ret, "NoSuchProcess",
			"the process of the pidfd has ended, or is not in this pid namespace");
	if (ret < 0)
		return failure_set(failure, -EINVAL, "BadArgument", "what was sent is no pidfd");
	container->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
	if (container->pidfd < 0)
		return failure_set(failure, -errno, errno == EMFILE ? "LimitReached" : "Failed",
				   "cannot keep the pidfd: %s", strerror(errno));
	return 0;
}

static int set_policy(struct container *container, struct config *config, struct failure *failure)
{
	int ret = container_set_config(container, config);

	if (ret < 0)
		return failure_set(
			failure, ret, "Failed",
			"the cgroup of process %u, which policies ask for, cannot be told: %s",
			container->leader, strerror(-ret));
	return registry_check_welcome(container, failure);
}

static int describe(const struct registry *registry, struct container *container, struct tags *tags,
		    struct failure *failure)
{
	int ret;

	ret = shim_tags(registry->shim_fd, container->leader, tags);
	if (ret == -ESRCH)
		return gone(container, failure);
	if (ret < 0)
		return failure_set(failure, ret, "Failed",
				   "the kernel does not describe process %u: %s", container->leader,
				   strerror(-ret));
	container->start_time = tags->start_time;
	container->net_cookie = tags->net_cookie;
	memcpy(container->ns, tags->ns, sizeof(container->ns));
	return registry_check_place(registry, container, tags, failure);
}

/* A boundary that its leader is not in would bound nothing, and no handler could be put below it. */
static int check_boundary(const struct container *container, const char *named,
			  struct failure *failure)
{
	char path[CGROUP_PATH_MAX + 1];

	if (!named)
		return 0;
	if (cgroup_find(container->leader, container->cgroup_id, path, sizeof(path)) >= 0)
		return 0;
	return failure_set(failure, -ENOENT, "NoSuchCgroup", "process %u is not in cgroup '%.*s%s'",
			   container->leader, TEXT_SHORT(named, 256));
}

/* --------------------------------------------------------------------- add */

/* Where no boundary is named and the kernel sees none: the leader's cgroup, if it is its alone. */
int registry_use_own_cgroup(struct container *container, const struct tags *tags)
{
	char path[CGROUP_PATH_MAX + 1];
	int ret;

	if (!tags->cgroup_id ||
	    cgroup_find(container->leader, tags->cgroup_id, path, sizeof(path)) < 0)
		return -ENOTUNIQ;
	ret = cgroup_is_own(path, container->leader);
	if (ret < 0)
		return ret == -E2BIG ? ret : -ENOTUNIQ;
	container->cgroup_id = tags->cgroup_id;
	return 0;
}

static int try_add(struct registry *registry, struct container *container)
{
	struct upcall_container kernel;
	int ret;

	container_to_kernel(container, &kernel);
	ret = shim_container_add(registry->shim_fd, &kernel);
	if (ret >= 0)
		container_from_kernel(container, &kernel);
	return ret;
}

static int add(struct registry *registry, struct container *container, const struct tags *tags)
{
	int ret = try_add(registry, container);

	/* ATTACK: what it takes to find out is for the user to choose, and waits for nobody */
	if (ret != -ENOTUNIQ || container->uid)
		return ret;
	ret = registry_use_own_cgroup(container, tags);
	return ret < 0 ? ret : try_add(registry, container);
}

static int explain_tombstone(const struct container *tombstone, struct failure *failure)
{
	return failure_set(
		failure, -EEXIST, "NameTaken",
		"of the container that was registered as '%s', %s, but it may still have tasks%s%.256s; unregister it first",
		tombstone->name, tombstone->refused ?: "the leader has gone",
		tombstone->cgroup ? " in " CGROUP_ROOT "/" : "", tombstone->cgroup ?: "");
}

/* The kernel lets a name be used again once its leader has gone; not before, and nor do we. */
static int check_tombstones(const struct registry *registry, const char *name,
			    struct failure *failure)
{
	struct upcall_container kernel;
	struct container *tombstone;

	for (tombstone = registry_tombstone(registry, name); tombstone;
	     tombstone = registry_tombstone_next(tombstone))
		if (shim_container_next(registry->shim_fd, tombstone->id - 1, &kernel) >= 0 &&
		    kernel.id == tombstone->id && kernel.state == UPCALL_CONTAINER_LIVE)
			return explain_tombstone(tombstone, failure);
	return 0;
}

int registry_explain_exists(const struct registry *registry, const struct container *container,
			    struct failure *failure)
{
	struct container *other = registry_tombstone(registry, container->name);

	if (other)
		return explain_tombstone(other, failure);
	for (other = registry_by_leader(registry, container->leader); other;
	     other = registry_by_leader_next(other))
		if (other->registry && (!container->uid || container->uid == other->uid))
			return failure_set(failure, -EEXIST, "NameTaken",
					   "process %u is the leader of container '%s' already",
					   container->leader, other->name);
	return failure_set(failure, -EEXIST, "NameTaken",
			   "process %u is the leader of another container already",
			   container->leader);
}

int registry_no_container(const struct container *container, struct failure *failure)
{
	if (process_is_kernel_thread(container->leader))
		return failure_set(failure, -EINVAL, "KernelThread",
				   "process %u is a kernel thread, which is in no container",
				   container->leader);
	return failure_set(failure, -EINVAL, "NotAContainer",
			   "process %u is in no container: all its namespaces are the host's",
			   container->leader);
}

int registry_explain_add(const struct registry *registry, const struct container *container,
			 int error, struct failure *failure)
{
	switch (-error) {
	case ESRCH:
		return gone(container, failure);
	case EINVAL:
		return registry_no_container(container, failure);
	case EEXIST:
		return registry_explain_exists(registry, container, failure);
	case EPERM:
		return failure_set(
			failure, error, "Denied",
			"process %u is in no container of user %u: its user namespace, and the pid, mount, network and cgroup namespace that it has, are not all of user namespaces that he made",
			container->leader, container->uid);
	case ENOENT:
		return failure_set(failure, error, "NoSuchCgroup", "there is no cgroup '%.256s'",
				   container->cgroup ?: "");
	case ENOTUNIQ:
		return failure_set(
			failure, error, "NeedsCgroup",
			"tasks of this container can outlive process %u, and its cgroup holds tasks of others: name a cgroup of the container's own",
			container->leader);
	case E2BIG:
		return failure_set(
			failure, -ENOTUNIQ, "NeedsCgroup",
			"tasks of this container can outlive process %u, and its cgroup holds too many cgroups and tasks to tell whose they are: name a cgroup of the container's own",
			container->leader);
	case ENOSPC:
		return failure_set(failure, -EDQUOT, "LimitReached", "the kernel's table is full");
	}
	return failure_set(failure, error, "Failed", "the kernel does not take the container: %s",
			   strerror(-error));
}

/* The kernel may have chosen the boundary: a worker needs it as a path. */
int registry_find_cgroup(struct container *container)
{
	char path[CGROUP_PATH_MAX + 1];
	int ret;

	if (!container->cgroup_id || container->cgroup)
		return 0;
	ret = cgroup_find(container->leader, container->cgroup_id, path, sizeof(path));
	if (ret < 0)
		return ret;
	container->cgroup = strdup(path);
	return container->cgroup ? 0 : -ENOMEM;
}

static int save(const struct registry *registry, const struct container *container,
		struct failure *failure)
{
	int ret = state_save(registry->state_fd, container);

	return ret < 0 ? failure_set(failure, ret, "Failed", "cannot write the state of '%s': %s",
				     container->name, strerror(-ret)) :
			 0;
}

/* ORDER: before the state that tells of it */
static int save_filter(const struct registry *registry, const char *name,
		       const struct registry_options *options, struct failure *failure)
{
	int ret;

	if (!options->filter_size)
		return 0;
	ret = state_save_filter(registry->state_fd, name, options->filter, options->filter_size);
	return ret < 0 ? failure_set(failure, ret, "Failed",
				     "cannot write the seccomp filter of '%s': %s", name,
				     strerror(-ret)) :
			 0;
}

/* It is in the kernel's table; what follows may still fail. */
static int complete(struct registry *registry, struct container *container, struct failure *failure)
{
	int ret;

	if (!pidfd_alive(container->pidfd))
		return gone(container, failure);
	ret = registry_find_cgroup(container);
	if (ret < 0)
		return failure_set(failure, ret, "NoSuchCgroup",
				   "the cgroup of process %u cannot be found below " CGROUP_ROOT
				   ": %s",
				   container->leader, strerror(-ret));
	ret = save(registry, container, failure);
	if (ret < 0)
		return ret;
	ret = registry_insert(registry, container);
	return ret < 0 ? failure_set(failure, ret, "Failed", "out of memory") : 0;
}

/* On failure it is in no table. */
static int enter(struct registry *registry, struct container *container, const struct tags *tags,
		 struct failure *failure)
{
	int ret;

	ret = save(registry, container, failure);
	if (ret < 0)
		return ret;
	ret = add(registry, container, tags);
	if (ret < 0)
		return registry_explain_add(registry, container, ret, failure);
	ret = complete(registry, container, failure);
	if (ret < 0)
		(void)shim_container_del(registry->shim_fd, container->id);
	return ret;
}

int registry_register(struct registry *registry, const char *name, int pidfd,
		      const struct registry_options *options, struct container **ret,
		      struct failure *failure)
{
	cleanup_with(cleanup_container_) struct container *container = NULL;
	struct tags tags;
	int r;

	r = check_arguments(registry, name, pidfd, options, failure);
	if (r >= 0)
		r = check_tombstones(registry, name, failure);
	if (r < 0)
		return r;
	container = container_new(name);
	if (!container)
		return failure_set(failure, -ENOMEM, "Failed", "out of memory");
	r = set_options(container, options, failure);
	if (r >= 0)
		r = set_leader(container, pidfd, failure);
	if (r >= 0)
		r = set_policy(container, registry->config, failure);
	if (r >= 0)
		r = registry->shim_fd >= 0 ? describe(registry, container, &tags, failure) :
					     registry_look(container, failure);
	if (r >= 0)
		r = check_boundary(container, options->cgroup, failure);
	/* ORDER: nothing is left to find wrong but what the kernel does */
	if (r >= 0)
		registry_replace_adopted(registry, container);
	if (r >= 0)
		r = save_filter(registry, name, options, failure);
	if (r < 0)
		return r;
	r = registry->shim_fd >= 0 ? enter(registry, container, &tags, failure) :
				     registry_wait(registry, container, failure);
	if (r < 0) {
		/* ORDER: while the kernel has it, its file is there; it may be another's that has
		 * the name */
		if (!registry_by_name(registry, name))
			state_remove(registry->state_fd, name);
		return r;
	}
	if (registry_may_say(registry, container))
		journal_log(LOG_INFO, "Container %s is registered%s: leader %u, policy %s",
			    container->name,
			    container_waits(container) ? " and waits for the module" : "",
			    container->leader,
			    container->policy ? container->policy->file : "none");
	*ret = take_ptr(container);
	return 0;
}
