// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guards
 *
 * fs.suid_dumpable is what the kernel sets the dumpable flag to when credentials
 * change. With 1, our child would be open to the container between its setns()
 * and its next instruction, so we do not start.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "guard.h"

static int suid_dumpable_check(void)
{
	char text[16];
	int ret = file_read(AT_FDCWD, "/proc/sys/fs/suid_dumpable", text, sizeof(text));

	if (ret < 0)
		return ret;
	return text[0] == '0' || text[0] == '2' ? 0 : -ENOTSUP;
}

static int proc_check(void)
{
	cleanup_fd int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : file_check_system(fd, PROC_SUPER_MAGIC);
}

int guard_process(void)
{
	const struct rlimit core = { 1, 1 };
	int ret;

	/* our own crash is no upcall: the kernel takes 1 for a crash handler's */
	if (setrlimit(RLIMIT_CORE, &core) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NAME, "upcall-worker", 0, 0, 0);
	ret = proc_check();
	return ret < 0 ? ret : suid_dumpable_check();
}

int guard_null_open(void)
{
	cleanup_fd int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
		return -ENODEV;
	return take_fd(&fd);
}
