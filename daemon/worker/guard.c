// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guards
 *
 * fs.suid_dumpable is what the kernel sets the dumpable flag to when credentials
 * change. With 1, our child would be open to the container between its setns()
 * and its next instruction, so we do not start, and run nothing where it becomes 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "guard.h"

static int suid_dumpable_fd = -1;

int guard_check_dumpable(void)
{
	char value = '\0';

	if (pread(suid_dumpable_fd, &value, 1, 0) < 0)
		return -errno;
	return value == '0' || value == '2' ? 0 : -ENOTSUP;
}

static int suid_dumpable_open(void)
{
	close_keep_errno(suid_dumpable_fd);
	suid_dumpable_fd = open("/proc/sys/fs/suid_dumpable", O_RDONLY | O_CLOEXEC);
	return suid_dumpable_fd < 0 ? -errno : guard_check_dumpable();
}

#define SIGNAL_LAST 64

/*
 * Children inherit it: none that a service manager blocked or ignored, none of ours but one.
 * glibc lets nobody ask for the two that are its own, and its posix_spawn(), by which systemd
 * since 255 starts what it starts, ignores them. The kernel's helpers have none ignored.
 */
static int signals_reset(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	/* the kernel's struct sigaction: a handler of SIG_DFL, no flags, no mask */
	const uint64_t initial[4] = { 0 };
	sigset_t none;

	for (int number = 1; number <= SIGNAL_LAST; number++)
		/* two cannot be, and need not */
		(void)syscall(SYS_rt_sigaction, number, initial, NULL, SIGNAL_LAST / 8);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return -errno;
	return sigaction(SIGPIPE, &action, NULL) < 0 ? -errno : 0;
}

/*
 * What children have until they ATTACH: a session keyring that can neither be
 * searched nor written, so that who catches one inside has nothing of the service
 * manager's nor of another upcall's.
 *
 * RACE: containers of our uid may have used up its quota of keys. It is not asked
 * for where there is no session keyring (KeyringMode=inherit in the unit), and where
 * upcalld has left us one like that, its own will do.
 */
static int session_keyring_leave(void)
{
	if (keyctl_join_session_keyring(NULL) >= 0)
		return keyctl_revoke(KEY_SPEC_SESSION_KEYRING) < 0 ? -errno : 0;
	if (errno != EDQUOT)
		return -errno;
	if (keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0) < 0 && errno == EKEYREVOKED)
		return 0;
	return -EDQUOT;
}

int guard_process(void)
{
	const struct rlimit core = { 1, 1 };
	int ret = session_keyring_leave();

	if (ret < 0)
		return ret;

	/* our own crash is no upcall: the kernel takes 1 for a crash handler's */
	if (setrlimit(RLIMIT_CORE, &core) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	(void)prctl(PR_SET_NAME, "upcall-worker", 0, 0, 0);
	ret = signals_reset();
	return ret < 0 ? ret : suid_dumpable_open();
}

int guard_proc_open(void)
{
	cleanup_fd int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int ret = fd < 0 ? -errno : file_check_system(fd, PROC_SUPER_MAGIC);

	return ret < 0 ? ret : take_fd(&fd);
}

/* A file system that is mounted nowhere, and goes with the last file of it. */
static int memory_system_open(void)
{
	cleanup_fd int system = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int mounted;

	if (system < 0 || fsconfig(system, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mounted = fsmount(system, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	return mounted < 0 ? -errno : mounted;
}

int guard_null_open(void)
{
	cleanup_fd int directory = memory_system_open();
	int fd;

	if (directory < 0)
		return take_fd(&directory);
	if (mknodat(directory, "null", S_IFCHR | 0666, makedev(1, 3)) < 0 ||
	    fchmodat(directory, "null", 0666, 0) < 0)
		return -errno;
	fd = openat(directory, "null", O_RDWR | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}
