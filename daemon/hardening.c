// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A core dump of the daemon must never come back to the daemon as an upcall:
 * RLIMIT_CORE 1 is the kernel's own mark for helpers. Not dumpable: nobody but
 * host root may look into the process that holds upcall fds. With
 * fs.suid_dumpable=1 a change of credentials makes a process dumpable again, and
 * workers change theirs: there they do not run. We do, or nobody would be told.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hardening.h"
#include "process.h"

const char *hardening_suid_dumpable = "/proc/sys/fs/suid_dumpable";

static int fail(char *error, size_t room, const char *what, int code)
{
	(void)snprintf(error, room, "%s: %s", what, strerror(code));
	return -code;
}

/* The unit's LimitCORE=1 may have done it; its filter may then refuse setrlimit(2). */
static int limit_cores(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) < 0)
		return -errno;
	if (limit.rlim_cur <= 1)
		return 0;
	limit.rlim_cur = 1;
	return setrlimit(RLIMIT_CORE, &limit) < 0 ? -errno : 0;
}

/* One fd for each container: as many as we may have. Not fatal: a container more or less. */
static void raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * Workers that we fork inherit it, and may find root's quota of keys used up when they want one
 * of their own: a dead one does them no harm. Not fatal: they look at what they have.
 */
static void leave_session_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
		(void)syscall(SYS_keyctl, KEYCTL_REVOKE, KEY_SPEC_SESSION_KEYRING);
}

const char *hardening_refusal(void)
{
	char line[32];

	if (read_line(hardening_suid_dumpable, line, sizeof(line)) < 0 || strcmp(line, "1"))
		return NULL;
	return "fs.suid_dumpable is 1: sysctl -w fs.suid_dumpable=0";
}

int hardening_apply(char *error, size_t room)
{
	int ret;

	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return fail(error, room, "PR_SET_DUMPABLE", errno);
	ret = limit_cores();
	if (ret < 0)
		return fail(error, room, "RLIMIT_CORE", -ret);
	raise_files();
	leave_session_keyring();
	return 0;
}
