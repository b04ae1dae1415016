/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seccomp filters of a container's first process, of whom nobody has told us
 *
 * Linux tells them to who traces it. What was read stays, until there are more of them.
 */
#ifndef UPCALL_WORKER_TRACED_H
#define UPCALL_WORKER_TRACED_H

#include <stdbool.h>
#include <stdint.h>

#include "profile.h"
#include "worker.h"

struct leader;

/* Of whom it was read last, or why it could not be. Zeroed: of nobody. */
struct traced {
	uint64_t container;
	uint64_t start_time;
	uint32_t filters;	/* as many as its status said before */
	struct profile profile; /* owned */
	int error;
	int64_t retry_ms; /* until then that stays the answer */
};

#define TRACED_MS 2000

/*
 * A copy of the filters of `leader`, whom `request` names. Takes TRACED_MS at most, of which
 * nothing else is done.
 *
 * -EPERM: somebody traces it already, or nobody may (kernel.yama.ptrace_scope=3). -ETIMEDOUT: it
 * has not stopped, hanging in the kernel. -EKEYREJECTED: it is not who was registered. -EAGAIN: it
 * has just set no_new_privs. -EBADMSG: a filter that is not applied, see seccomp-code.h. -E2BIG:
 * more than PROFILE_FILTERS_MAX. -EACCES: we are filtered ourselves. Others are ptrace(2)'s; where
 * Linux has been built without this (CONFIG_CHECKPOINT_RESTORE) it is -EINVAL.
 */
int traced_profile(struct traced *traced, const struct worker_request *request, int upcall_fd,
		   const struct leader *leader, struct profile *ret);
/* True: that answers at once, and stops nobody. */
bool traced_is_known(const struct traced *traced, const struct worker_request *request,
		     const struct leader *leader);
void traced_forget(struct traced *traced);

#endif
