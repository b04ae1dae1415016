/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One registered container, as the daemon remembers it
 *
 * What identifies it was read by the shim from its leader when it was
 * registered, and is compared again before every use: a live leader may have
 * moved to other namespaces, and then whatever it leads is not what was registered.
 */
#ifndef UPCALLD_CONTAINER_H
#define UPCALLD_CONTAINER_H

#include <string.h>

#include "config.h"
#include "hash.h"
#include "list.h"
#include "watch.h"
#include "worker.h"

struct lane;
struct registry;

struct container {
	struct hash_node by_name; /* these four are the registry's */
	struct hash_node by_id;
	struct hash_node by_leader;
	struct hash_node by_user;
	struct list link; /* registry's containers, or tombstones */
	struct registry *registry;
	struct lane *lane; /* the queue's; NULL: it has had no upcall yet */

	char name[UPCALL_NAME_LEN];
	uint64_t id; /* of the kernel's entry; 0: it has none yet, see container_waits() */
	uint32_t leader;
	uint32_t uid; /* who registered it */
	uint64_t start_time;
	uint64_t net_cookie;
	uint64_t cgroup_id;
	uint32_t cgroup_derived; /* 1: nobody has named it, the kernel has found it */
	uint32_t ns[UPCALL_NS_COUNT];
	uint32_t own_ns;
	char *cgroup; /* path of cgroup_id, or NULL */
	char *place; /* where its leader was, as a path, when a policy first asked for it; or NULL */
	char *runtime;	 /* or NULL */
	char **labels;	 /* or NULL */
	uint32_t filter; /* instructions of its seccomp filter, which has a file; 0: it has none */
	bool place_new;	 /* and its state file has not got it yet */
	uint64_t since;	 /* microseconds since the epoch */
	uint64_t served;
	uint64_t failed;
	bool counted; /* served or failed differ from the state file */

	int pidfd; /* the leader's, or -1 */
	struct watch leader_watch;
	bool moved; /* the leader lives, but somewhere else */
	/* A tombstone that lasts until it is unregistered: why; else NULL. */
	const char *refused;

	struct config *config; /* reference: policy is in it */
	const struct policy *policy;
};

struct container *container_new(const char *name);
/* Takes NULL, returns NULL. It must be in no list or table. */
struct container *container_free(struct container *container);

/*
 * 0: the leader is who was registered; -ESRCH: gone or moved; else it could not be
 * told, -EAGAIN because its main thread has ended and others of it live.
 */
int container_check_leader(const struct container *container, int shim_fd);

/* It is registered, and for want of the module the kernel does not know of it. */
static inline bool container_waits(const struct container *container)
{
	return container->registry && !container->id;
}

/*
 * Choose by name and place; the kernel is not told. If the policies ask for its place and it is
 * not known, it is looked up: negative errno if it cannot be told, and all is refused.
 */
int container_set_config(struct container *container, struct config *config);

#define CONTAINER_ADOPTED "adopted" /* its runtime, where nobody registered it */

static inline bool container_is_adopted(const struct container *container)
{
	return container->runtime && !strcmp(container->runtime, CONTAINER_ADOPTED);
}

/* What the kernel is told when it is added. */
void container_to_kernel(const struct container *container, struct upcall_container *ret);
void container_from_kernel(struct container *container, const struct upcall_container *kernel);

/* What a worker is told of the leader. */
void container_to_request(const struct container *container, struct worker_request *request);

#endif
