/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths and ids of cgroup2: an id is the inode number of the folder.
 *
 * Paths are below /sys/fs/cgroup, without a leading slash; links and ".." do
 * not leave it.
 */
#ifndef UPCALLD_CGROUP_H
#define UPCALLD_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_ROOT	"/sys/fs/cgroup"
#define CGROUP_PATH_MAX 1023

/*
 * What an administrator may write ("/a/b", "a/b", "/sys/fs/cgroup/a/b") as a
 * path below the root. -EINVAL: the root itself, too long, control characters.
 */
int cgroup_normalize(const char *text, char *out, size_t room);

/* An O_PATH fd of whatever directory is there: cgroup_id() says what it is. */
int cgroup_open(const char *path);

/* -ENOENT no such cgroup; -EINVAL no cgroup2. */
int cgroup_id(const char *path, uint64_t *ret);

/* Whose its folder is. */
int cgroup_owner(const char *path, uint32_t *ret);

/* The process' cgroup, or one above it, that has this id. -ENOENT: none. */
int cgroup_find(uint32_t pid, uint64_t id, char *out, size_t room);

/*
 * Can nobody but root have made it? Of none above it is a folder somebody else's, or
 * to be written by others.
 */
bool cgroup_is_hosts(const char *path);
/*
 * Is it, or a cgroup above it, one that the pattern means ("/a/b-*.scope", see config.h),
 * and is that the host's?
 */
bool cgroup_fits(const char *pattern, const char *path);

/* There is no task in or below it, or no such cgroup any more. Unknown is not empty. */
bool cgroup_is_empty(const char *path);

/*
 * -EBUSY: there are tasks in or below that are not the leader's descendants.
 * -E2BIG: there is more in and below than is looked at.
 */
int cgroup_is_own(const char *path, uint32_t leader);
/* The same of its absolute path; for that and for tests. */
int cgroup_directory_is_own(const char *directory, uint32_t leader);

#endif
