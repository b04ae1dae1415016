// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each call is made with arguments that it refuses before it does anything, with
 * an error that only the call itself gives: whoever says something else is not it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "needs.h"

static const struct need {
	const char *name;
	unsigned int who;
	long number;
	long arguments[2];
	int refusal;
} needs[] = {
	{ "pidfd_open", NEEDS_DAEMON | NEEDS_WORKER, SYS_pidfd_open, { -1, 0 }, EINVAL },
	{ "openat2", NEEDS_DAEMON | NEEDS_WORKER, SYS_openat2, { -1, 0 }, EINVAL },
	{ "pidfd_send_signal",
	  NEEDS_STANDALONE | NEEDS_WORKER,
	  SYS_pidfd_send_signal,
	  { -1, 0 },
	  EBADF },
	{ "setns", NEEDS_WORKER, SYS_setns, { -1, 0 }, EBADF },
	{ "clone3", NEEDS_WORKER, SYS_clone3, { 0, 0 }, EINVAL },
	{ "close_range", NEEDS_WORKER, SYS_close_range, { 1, 0 }, EINVAL },
	{ "fsopen", NEEDS_WORKER, SYS_fsopen, { 0, 0 }, EFAULT },
	{ "fsconfig", NEEDS_WORKER, SYS_fsconfig, { -1, 0 }, EINVAL },
	{ "fsmount", NEEDS_WORKER, SYS_fsmount, { -1, 0 }, EBADF },
	{ "memfd_create", NEEDS_WORKER, SYS_memfd_create, { 0, 0 }, EFAULT },
	{ "execveat", NEEDS_WORKER, SYS_execveat, { -1, 0 }, EFAULT },
};

int needs_check(unsigned int who, char *text, size_t room)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		const struct need *need = &needs[i];

		if (!(need->who & who))
			continue;
		errno = 0;
		if (syscall(need->number, need->arguments[0], need->arguments[1], 0, 0, 0) < 0 &&
		    errno == need->refusal)
			continue;
		(void)snprintf(
			text, room,
			"%s() is missing, in this kernel or by a filter of system calls%s: %s",
			need->name, errno == EPERM ? ", or a capability for it is" : "",
			strerror(errno));
		return errno ? -errno : -ENOTSUP;
	}
	return 0;
}
