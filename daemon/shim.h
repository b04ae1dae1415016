/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's half: ioctls of /dev/upcall
 *
 * One call, one ioctl; all return 0 or negative errno unless they say more.
 * INFO and TAGS are in common/shim-fd.h. Tests replace both files by fakes, so
 * nothing else in the daemon makes an ioctl on the device.
 */
#ifndef UPCALLD_SHIM_H
#define UPCALLD_SHIM_H

#include <stdint.h>

#include "shim-fd.h"
#include "upcall.h"

int shim_version(int fd, struct upcall_version *ret);
/* UPCALL_FEATURE_COUNTERS; returns how many were written. */
int shim_endings(int fd, uint32_t class, uint64_t *values, uint32_t room);
int shim_subscribe(int fd, int netlink_fd);
/* Returns how many entries were written; less than room: there are no more. */
int shim_list(int fd, uint64_t after, struct upcall_list_entry *entries, uint32_t room);

/*
 * Returns the upcall fd. The kernel ends a helper that runs for longer than run_ms
 * from ATTACH. -ESTALE, -ENOENT: no longer to be had.
 */
int shim_claim(int fd, uint64_t id, uint32_t generation, uint32_t run_ms);
int shim_native(int fd, uint64_t id, uint32_t generation);
/* UPCALL_FEATURE_ADOPTION: its container is registered by now, and the table decides once more. */
int shim_again(int fd, uint64_t id, uint32_t generation);
/* error: positive errno that the requester's refusal is made of. */
int shim_deny(int fd, uint64_t id, uint32_t generation, int error);

/* Whatever it is doing. -EBUSY: for a moment, it cannot be. -ENOENT, -ESTALE: it has ended. */
int shim_cancel(int fd, uint64_t id, uint32_t generation, int error);

/*
 * An fd that only answers shim_tags(): for the host's processes about any, inside
 * a container about the caller. The caller's. -ENOTTY: the module is older than us.
 */
int shim_witness(int fd);

int shim_container_add(int fd, struct upcall_container *container);
int shim_container_policy(int fd, uint64_t id, const struct upcall_policy *policy);
int shim_container_del(int fd, uint64_t id);
/* UPCALL_FEATURE_ADOPTION: the rules for whom nobody registers, instead of all that there were. */
int shim_adopt(int fd, const struct upcall_adoption *adoptions, uint32_t count);
/* The entry with the lowest id above `after`; -ENOENT: none. */
int shim_container_next(int fd, uint64_t after, struct upcall_container *ret);

#endif
