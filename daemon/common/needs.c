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
	long number;
	long arguments[2];
	unsigned int who;
	int refusal;
} needs[] = {
	{ "pidfd_open", SYS_pidfd_open, { -1, 0 }, NEEDS_DAEMON | NEEDS_WORKER, EINVAL },
	{ "openat2", SYS_openat2, { -1, 0 }, NEEDS_DAEMON | NEEDS_WORKER, EINVAL },
	{ "pidfd_send_signal",
	  SYS_pidfd_send_signal,
	  { -1, 0 },
	  NEEDS_STANDALONE | NEEDS_WORKER,
	  EBADF },
	{ "setns", SYS_setns, { -1, 0 }, NEEDS_WORKER, EBADF },
	{ "clone3", SYS_clone3, { 0, 0 }, NEEDS_WORKER, EINVAL },
	{ "close_range", SYS_close_range, { 1, 0 }, NEEDS_WORKER, EINVAL },
	{ "fsopen", SYS_fsopen, { 0, 0 }, NEEDS_WORKER, EFAULT },
	{ "fsconfig", SYS_fsconfig, { -1, 0 }, NEEDS_WORKER, EINVAL },
	{ "fsmount", SYS_fsmount, { -1, 0 }, NEEDS_WORKER, EBADF },
	{ "memfd_create", SYS_memfd_create, { 0, 0 }, NEEDS_WORKER, EFAULT },
	{ "execveat", SYS_execveat, { -1, 0 }, NEEDS_WORKER, EFAULT },
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
