/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tags of an upcall or a process, parsed from the kernel's attributes.
 *
 * One parser for the three places they come from: a netlink event,
 * UPCALL_IOC_INFO and UPCALL_IOC_TAGS. It has no side effects.
 */
#ifndef UPCALL_TAGS_H
#define UPCALL_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upcall.h"

/* Text is opaque bytes: pointers into the parsed buffer, never NUL-terminated by promise. */
struct tags_text {
	const char *data;
	size_t size;
};

struct tags_key {
	bool present;
	bool has_net;
	int32_t serial;
	uint32_t origin; /* enum upcall_origin */
	uint32_t net;
	uint64_t net_cookie;
	struct tags_text type;
	struct tags_text description;
};

/* What a helper in the place of a process may be: UPCALL_IOC_TAGS. */
struct tags_helper {
	bool present;
	bool has_uid; /* else there is none that it could have */
	bool has_gid;
	uint32_t uid; /* in the process's user namespace */
	uint32_t gid;
	uint64_t bounding;
	uint32_t no_new_privs;
	uint32_t seccomp;
	uint32_t cgroup1; /* in other cgroups of version 1 than we */
	uint32_t frozen;
};

/* Whom upcalld may register: nobody has, and a rule is about the task's cgroup. */
struct tags_adoption {
	bool present;
	bool has_leader; /* else there is nobody who could be registered */
	uint64_t cgroup_id;
	uint32_t leader;
	uint64_t start_time;
};

struct tags {
	uint64_t id;
	uint32_t generation;
	uint32_t class;
	uint32_t wait;
	uint32_t tid;
	uint32_t tgid;
	uint64_t start_time;
	uint32_t uid;
	uint32_t gid;
	uint32_t ns[UPCALL_NS_COUNT]; /* 0: unknown */
	uint64_t net_cookie;
	uint64_t cgroup_id;
	uint32_t scope;
	uint32_t context;
	uint32_t depth;
	uint64_t parent;
	uint64_t container;
	uint32_t verdict; /* enum upcall_verdict; of UPCALL_CMD_DECIDED only, as lost is */
	uint32_t lost;
	struct tags_text path;
	struct tags_text comm;
	struct tags_text release_cgroup;
	struct tags_text argv; /* each with its NUL; tags_strv() splits */
	struct tags_text envp;
	struct tags_key key;
	struct tags_helper helper;
	struct tags_adoption adoption;
	bool has_core;
	uint32_t core_signal;
	uint32_t core_dump_mode;
};

/*
 * Parse `size` bytes of attributes. The result points into `buffer`, which must
 * stay. Unknown attributes are skipped (a newer kernel half), a malformed one
 * is -EBADMSG and leaves *ret untouched.
 */
int tags_parse(const void *buffer, size_t size, struct tags *ret);

/*
 * Split text made of NUL-terminated strings into a NULL-terminated vector that
 * the caller frees (the strings stay in the buffer). -EBADMSG if the last
 * string has no NUL, -ENOMEM.
 */
int tags_strv(struct tags_text text, const char ***ret);

#endif
