/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's own seccomp filters, which its programs run under
 *
 * One that was given when it was registered, or those of its first process: see traced.h.
 */
#ifndef UPCALL_WORKER_PROFILE_H
#define UPCALL_WORKER_PROFILE_H

#include <linux/filter.h>
#include <stddef.h>

struct profile {
	struct sock_fprog *filters; /* owned, as their code is; in the order they were applied */
	size_t count;		    /* 0: it has none */
};

#define PROFILE_NULL ((struct profile){ .filters = NULL })

/* As many as a container can have here; Linux has no such limit but of their instructions. */
#define PROFILE_FILTERS_MAX 32

/* All of a file, from its start, is one filter; the fd is not consumed. -EBADMSG: it is no filter
 * that could be applied. */
int profile_read(int fd, struct profile *ret);
/* One more, a copy. -EBADMSG: it is no filter that could be applied; -E2BIG: too many. */
int profile_add(struct profile *profile, const struct sock_filter *code, size_t count);
int profile_copy(const struct profile *profile, struct profile *ret);
/* To the calling thread, with no_new_privs or CAP_SYS_ADMIN. */
int profile_apply(const struct profile *profile);
void profile_clear(struct profile *profile);

#endif
