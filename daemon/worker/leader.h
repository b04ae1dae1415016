/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a handler takes from its container's leader: root, ids, limits of power.
 *
 * Read on the host for each upcall and never kept: the leader may have changed.
 */
#ifndef UPCALL_WORKER_LEADER_H
#define UPCALL_WORKER_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "parse.h"
#include "worker.h"

struct tags;

enum label_kind {
	LABEL_NONE = 0, /* no such module, or unconfined */
	LABEL_APPARMOR,
	LABEL_SELINUX,
};

struct leader {
	int root_fd;  /* O_PATH; owned; -1: handlers run on the host */
	uint32_t uid; /* what the handler becomes, in its user namespace */
	uint32_t gid;
	uint64_t capabilities; /* leader's bounding set and usermodehelper/bset */
	bool no_new_privs;
	enum label_kind label_kind;
	char label[LABEL_LEN];
	bool filtered;		      /* it has seccomp filters */
	uint32_t filters;	      /* how many; 0: that is not known */
	uint64_t cgroup_id;	      /* where it is now, at or below the container's boundary */
	char cgroup[WORKER_PATH_LEN]; /* the same as a path, "": the root */
};

#define LEADER_NULL ((struct leader){ .root_fd = -1 })

/* Once, before anything else here. */
int leader_init(void);

/*
 * Facts about the leader whom `request` names. On failure *ret_step says which
 * step of the entry failed; -EKEYREJECTED: it is not who was registered; -EBUSY:
 * its cgroup is frozen. With `ours`, what runs is a program of ours, and a label
 * that cannot be applied again is no obstacle, nor the mode of seccomp that has no filter.
 */
int leader_read(const struct worker_request *request, int upcall_fd, bool ours, struct leader *ret,
		enum worker_step *ret_step);
/* Is it who was registered? -EKEYREJECTED: not. */
int leader_check(const struct worker_request *request, int upcall_fd, struct tags *ret_tags);
/*
 * For handlers on the host: root there, within usermodehelper/bset; without any
 * capability where what they do needs none (cores, answers).
 */
int leader_read_host(const struct worker_request *request, struct leader *ret,
		     enum worker_step *ret_step);
void leader_clear(struct leader *leader);

#endif
