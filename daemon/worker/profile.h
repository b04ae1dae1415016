/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's own seccomp filter, which its programs run under
 *
 * Nobody can read it from the leader, so it is what was given when the container was registered.
 */
#ifndef UPCALL_WORKER_PROFILE_H
#define UPCALL_WORKER_PROFILE_H

#include <linux/filter.h>

struct profile {
	struct sock_filter *code; /* owned */
	unsigned short count;	  /* 0: it has none */
};

#define PROFILE_NULL ((struct profile){ .code = NULL })

/* All of a file, from its start; the fd is not consumed. -EBADMSG: it is no filter that could be
 * applied. */
int profile_read(int fd, struct profile *ret);
/* To the calling thread, with no_new_privs or CAP_SYS_ADMIN. */
int profile_apply(const struct profile *profile);
void profile_clear(struct profile *profile);

#endif
