/* SPDX-License-Identifier: GPL-2.0-only */
/* A cgroup of version 1 that nobody is in any more: whose it is. */
#ifndef UPCALL_SHIM_RELEASE_H
#define UPCALL_SHIM_RELEASE_H

#include <linux/types.h>

struct table_entry;

struct release {
	struct table_entry *entry; /* reference, or NULL: the host's */
	char *path;		   /* with one: from the root of its cgroup namespace; owned */
	bool ambiguous;		   /* several are equally near, or it cannot be told */
};

/* In the work of a release agent; may sleep. */
void release_find(struct release *release);
void release_clear(struct release *release);

#endif
