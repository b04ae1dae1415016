/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and lines of procfs files. Pure functions; -EBADMSG on anything unexpected. */
#ifndef UPCALL_WORKER_PARSE_H
#define UPCALL_WORKER_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LABEL_LEN 512

struct status_facts {
	uint32_t uid; /* effective, in the reader's user namespace */
	uint32_t gid;
	uint64_t cap_bounding;
	uint32_t seccomp;
	bool no_new_privs;
};

/* Digits and nothing else, no leading zero, at most max. */
int parse_number(const char *text, size_t size, uint64_t max, uint64_t *ret);

/* /proc/PID/status */
int parse_status(const char *text, struct status_facts *ret);

/* /proc/sys/kernel/usermodehelper/bset: two 32-bit words, the low one first */
int parse_bset(const char *text, uint64_t *ret);

/* Pid: of /proc/self/fdinfo/FD of a pidfd; -1 there (reaped) is -ESRCH */
int parse_pidfd_info(const char *text, uint32_t *ret);

/*
 * /proc/PID/uid_map or gid_map, read from the initial user namespace: the id
 * that a handler takes. 0 where it is mapped, else `outside` translated.
 * -EPERM: not mapped, or only as the overflow id.
 */
int parse_id_map(const char *text, uint32_t outside, uint32_t *ret);

/*
 * A label as in /proc/PID/attr, its mode " (enforce)" taken off. "": unconfined.
 * -EPERM: a stack of labels, or one of another policy namespace, which cannot
 * be taken by name.
 */
int parse_label(const char *text, char ret[static LABEL_LEN]);

/* The cgroup2 line of /proc/PID/cgroup, without the leading slash. */
int parse_cgroup(const char *text, char *ret, size_t room);
/* Is whoever has `theirs` for a /proc/PID/cgroup in our cgroups of version 1, if there are any? */
bool parse_cgroup_v1_is_same(const char *theirs, const char *ours);

#endif
