/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registered containers
 *
 * By name, for administrators, and by the id of the kernel's entry, for events.
 * Each entry is in a state file, in the kernel's table, and here, made in this
 * order: a crash in between leaves what registry_restore() knows how to take. A
 * leader's death is seen on its pidfd: the entry leaves the tables and is kept as
 * a tombstone for as long as the kernel has one, for List and Unregister.
 *
 * Where there is no module, a container waits for it: it has a state file, and what
 * procfs tells of its leader. registry_restore() enters it into the kernel's table
 * once the module is there.
 *
 * An entry of the kernel's goes only by Unregister, or by itself once nobody is
 * left in the container. Until then, what is wrong with it here (its leader has
 * moved, its state file is damaged) makes it refuse everything, never nothing.
 */
#ifndef UPCALLD_REGISTRY_H
#define UPCALLD_REGISTRY_H

#include <ev.h>

#include "container.h"
#include "failure.h"
#include "tags.h"

/* Each costs an fd; some are kept for the rest of us. */
#define REGISTRY_MAX 12000

enum registry_reason {
	REGISTRY_UNREGISTERED, /* somebody asked for it */
	REGISTRY_LEADER_GONE,
};

/* Whoever keeps something of a container is told when it goes. */
struct registry_watcher {
	void (*gone)(struct registry_watcher *watcher, struct container *container,
		     enum registry_reason reason);
	/* A state file of a container whose leader died while no daemon ran. */
	void (*was_gone)(struct registry_watcher *watcher, const char *name);
};

struct registry {
	struct ev_loop *loop;
	struct registry_watcher *watcher;
	struct config *config; /* reference */
	int shim_fd;	       /* not ours; -1: no shim */
	bool no_module;	       /* with shim_fd -1: the kernel has no table */
	bool require_shim;     /* who registers is not to wait for it */
	int state_fd;	       /* folder of state files, ours, or -1 */
	struct hash by_name;   /* containers; so by_id */
	struct hash by_id;
	struct hash tombstones_by_name;
	struct hash by_leader; /* both; so by_user, which root's are not in */
	struct hash by_user;
	struct list containers;
	struct list tombstones;
	size_t count; /* of containers */
	size_t tombstones_count;
	ev_tstamp users_said; /* when the journal was last told of a user's container */
};

struct registry_options {
	const char *cgroup;  /* as the administrator wrote it, or NULL */
	const char *runtime; /* or NULL */
	char **labels;	     /* or NULL; copied */
	const void *filter;  /* seccomp filter, as instructions of classic BPF; or NULL */
	size_t filter_size;  /* bytes */
	uint32_t uid;
};

/* state_fd is consumed. */
void registry_init(struct registry *registry, struct ev_loop *loop, struct config *config,
		   struct registry_watcher *watcher, int shim_fd, int state_fd);
/* Saves what has been counted. The kernel's entries and the state files stay. */
void registry_close(struct registry *registry);

/* NULL: there is none. Of the last two there may be several: _next() is another. */
struct container *registry_by_name(const struct registry *registry, const char *name);
struct container *registry_by_id(const struct registry *registry, uint64_t id);
struct container *registry_tombstone(const struct registry *registry, const char *name);
struct container *registry_tombstone_next(struct container *tombstone);
/* Tombstones, too, whose leader may be another by now: they have registry == NULL. */
struct container *registry_by_leader(const struct registry *registry, uint32_t leader);
struct container *registry_by_leader_next(struct container *container);

/* Is there a module, or may who registers wait for it? */
bool registry_takes(const struct registry *registry);
/*
 * Register the process of the pidfd (not consumed) under a name. On failure
 * nothing is left anywhere and `failure` says why.
 */
int registry_register(struct registry *registry, const char *name, int pidfd,
		      const struct registry_options *options, struct container **ret,
		      struct failure *failure);
/*
 * Register whom an upcall's tags tell of: the container is nobody's, and its cgroup is one
 * that a policy names. 0 also if it is registered already.
 */
int registry_adopt(struct registry *registry, const struct tags_adoption *adoption,
		   struct failure *failure);
/* Would it be? Then *ret is what its policy would be, or NULL. */
bool registry_may_adopt(const struct registry *registry, const struct tags_adoption *adoption,
			const struct policy **ret);
/* Whether whatever has that name, dead or alive, was registered by the user; root's is all. */
bool registry_is_users(const struct registry *registry, const char *name, uint32_t uid);
/* Forget the users' containers for which no policy is any more. */
void registry_drop_unwelcome(struct registry *registry);
/*
 * About to register the container: who adopted it knew no name, and gives way. Not for a user's,
 * of whose leader it is not known yet whether it is his.
 */
void registry_replace_adopted(struct registry *registry, const struct container *container);
int registry_unregister(struct registry *registry, const char *name, struct failure *failure);
/* The same, if its leader is dead and its cgroup empty. -EBUSY. */
int registry_unregister_ended(struct registry *registry, const char *name, struct failure *failure);
/* -ENOENT, with the sentence. */
int registry_no_such(const char *name, struct failure *failure);

/* Take every container's policy from a new set, also in the kernel. */
void registry_set_config(struct registry *registry, struct config *config);

/* Read state files and the kernel's table, make them agree. At start, with a shim or no module. */
int registry_restore(struct registry *registry);

/* Forget the tombstones that the kernel has forgotten. */
void registry_sweep(struct registry *registry);

/*
 * Where what a request is for runs under the container's filter, that goes with it: *ret_fd, the
 * caller's; else -1. Negative: it should, and cannot be read.
 */
int registry_add_filter(const struct container *container, struct worker_request *request,
			int *ret_fd);

/* Its leader has moved: as if it had died, but not before the caller has returned. */
void registry_leader_moved(struct container *container);

/* ---- registry-find.c ---- */

/* names: by_name or tombstones_by_name. -ENOMEM: it is nowhere. */
int registry_index(struct registry *registry, struct container *container, struct hash *names);
void registry_unindex(struct registry *registry, struct container *container);
unsigned int registry_count_user(const struct registry *registry, uint32_t uid);

/* ---- for registry-*.c ---- */

int registry_insert(struct registry *registry, struct container *container);
/* Undo registry_insert(); the container is the caller's then. */
void registry_take_out(struct container *container);
/* Tell the kernel to refuse everything of this entry. */
void registry_deny(struct registry *registry, uint64_t id, const char *name);
/* Consumes the container. For `refused` see there; text that lasts. */
void registry_bury(struct registry *registry, struct container *container, const char *refused);
int registry_find_cgroup(struct container *container);
/* Where the kernel wants a boundary that nobody has named. -ENOTUNIQ, -E2BIG: there is none. */
int registry_use_own_cgroup(struct container *container, const struct tags *tags);

/* ---- registry-user.c: each is 0 for root ---- */

int registry_check_user(struct registry *registry, uint32_t uid, struct failure *failure);
/*
 * May the journal be told what has become of it? ATTACK: a user could register and unregister
 * until the journal takes nothing more of ours.
 */
bool registry_may_say(struct registry *registry, const struct container *container);
/* After its policy has been chosen. */
int registry_check_welcome(const struct container *container, struct failure *failure);
/* tags: of its leader. */
int registry_check_place(const struct registry *registry, const struct container *container,
			 const struct tags *tags, struct failure *failure);
/* A boundary that he names has to be his. path: normalized. */
int registry_check_users_cgroup(const char *path, uint32_t uid, struct failure *failure);

/* ---- registry-wait.c: containers that the kernel does not know of yet ---- */

/* What its leader is; the pidfd is set. */
int registry_look(struct container *container, struct failure *failure);
/* Keep it. On failure it is nowhere. */
int registry_wait(struct registry *registry, struct container *container, struct failure *failure);
/* The same for who was registered before. -ESRCH: its leader has ended. Where it is now is not
 * asked. */
int registry_wait_again(struct registry *registry, struct container *container);
/* Does its state file say that the kernel has never had it? */
bool registry_has_waited(const struct container *container);
/*
 * Its start time is the shim's from now on. -ESRCH: the leader has ended, or is not who was
 * registered; -EXDEV: it is, and has left a namespace, or cannot be said to be in any.
 */
int registry_recognize(const struct registry *registry, struct container *container,
		       struct tags *tags);

int registry_no_container(const struct container *container, struct failure *failure);
/* The kernel did not add it. */
int registry_explain_add(const struct registry *registry, const struct container *container,
			 int error, struct failure *failure);
/* Somebody is its leader, or it has the name, already. */
int registry_explain_exists(const struct registry *registry, const struct container *container,
			    struct failure *failure);

#define REGISTRY_LEADER_LEFT "its leader has left the namespaces that it was registered with"
#define REGISTRY_UNKNOWN     "what was known of its registration could not be read back"

#endif
