/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * By what a process is a container's: the shim's look-up, told step by step
 *
 * kernel-shim/match.c decides, from kernel objects. This only repeats, from /proc
 * and from what upcalld says of its containers, what that looks at; where the two
 * differ, a namespace is one that /proc cannot show, and the kernel is right.
 */
#ifndef UPCALLCTL_KIN_H
#define UPCALLCTL_KIN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "libupcall.h"

#define KIN_STEPS     5
#define KIN_DEPTH_MAX 33 /* namespaces nest 32 deep */
#define KIN_HITS_SIZE 256

/* What a process is in; 0: it could not be read. Ancestors follow, then 0. */
struct kin {
	char cgroup[PATH_MAX];
	uint32_t pid[KIN_DEPTH_MAX + 1];
	uint32_t user[KIN_DEPTH_MAX + 1];
	uint32_t mnt;
	uint32_t net;
};

struct kin_step {
	const char *by;		  /* "cgroup", "pid", "user", "mnt", "net" */
	char hits[KIN_HITS_SIZE]; /* names of containers at the nearest level, joined by commas */
	unsigned int count;	  /* of them */
	bool counts;
	const char *why; /* it counts, or does not */
};

int kin_read(uint32_t pid, struct kin *ret);
/* host: what process 1 is in. entries ends with NULL. */
void kin_explain(const struct kin *kin, const struct kin *host, struct upcall_entry *const *entries,
		 struct kin_step ret[KIN_STEPS]);

#endif
