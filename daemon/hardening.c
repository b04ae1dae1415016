// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A core dump of the daemon must never come back to the daemon as an upcall:
 * RLIMIT_CORE 1 is the kernel's own mark for helpers. Not dumpable: nobody but
 * host root may look into the process that holds upcall fds. With
 * fs.suid_dumpable=1 that would not hold, so there we do not run.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "hardening.h"
#include "process.h"

#define SUID_DUMPABLE "/proc/sys/fs/suid_dumpable"

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

int hardening_apply(char *error, size_t room)
{
	char line[32];
	int ret;

	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	if (read_line(SUID_DUMPABLE, line, sizeof(line)) >= 0 && !strcmp(line, "1")) {
		(void)snprintf(
			error, room,
			"fs.suid_dumpable is 1: any user could read what upcalld and its workers hold; set it to 0 or 2");
		return -EPERM;
	}
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return fail(error, room, "PR_SET_DUMPABLE", errno);
	ret = limit_cores();
	if (ret < 0)
		return fail(error, room, "RLIMIT_CORE", -ret);
	raise_files();
	return 0;
}
