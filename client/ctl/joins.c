// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "capabilities.h"
#include "cleanup.h"
#include "joins.h"

/*
 * ORDER: of joining, but for USER. Where the host's root joins, he may join all the others from
 * outside, whoever owns them, and has nothing there any more once he is inside. Who is not root
 * may join none of them but from inside.
 */
static const struct {
	const char *name;
	int type;
} types[JOINS_TYPES] = {
	{ "cgroup", CLONE_NEWCGROUP }, { "ipc", CLONE_NEWIPC },	  { "uts", CLONE_NEWUTS },
	{ "net", CLONE_NEWNET },       { "pid", CLONE_NEWPID },	  { "time", CLONE_NEWTIME },
	{ "mnt", CLONE_NEWNS },	       { "user", CLONE_NEWUSER },
};

enum {
	PID = 4,
	MNT = 6,
	USER = 7,
};

bool joins_any(const struct joins *joins)
{
	for (int i = 0; i < JOINS_TYPES; i++)
		if (joins->paths[i])
			return true;
	return false;
}

int joins_add(struct joins *joins, const char *text)
{
	size_t size = strcspn(text, "=");

	if (!text[size] || !text[size + 1])
		return -EINVAL;
	for (int i = 0; i < JOINS_TYPES; i++) {
		if (strlen(types[i].name) != size || strncmp(types[i].name, text, size) != 0)
			continue;
		if (joins->paths[i])
			return -EEXIST;
		joins->paths[i] = text + size + 1;
		return 0;
	}
	return -EINVAL;
}

/* --------------------------------------------------------------- opening */

static bool refuse(char reason[JOINS_REASON_SIZE], const char *path, const char *text)
{
	(void)snprintf(reason, JOINS_REASON_SIZE, "%.400s: %s", path, text);
	return false;
}

/*
 * ATTACK: whoever can write to the path may have put a pipe there, which nobody ever opens, or a
 * device that does something when it is.
 */
static int open_namespace(const char *path)
{
	cleanup_fd int found = open(path, O_PATH | O_CLOEXEC);
	char self[32];
	struct statfs fs;
	int fd;

	if (found < 0 || fstatfs(found, &fs) < 0)
		return -errno;
	if (fs.f_type != NSFS_MAGIC)
		return -EBADF;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", found);
	fd = open(self, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_same(int fd, int other)
{
	struct stat it, its;

	return fstat(fd, &it) == 0 && fstat(other, &its) == 0 && it.st_dev == its.st_dev &&
	       it.st_ino == its.st_ino;
}

/* Some cannot be joined then; and who names his own may have been led to it. */
static bool is_own(int i, int fd)
{
	char path[32];
	cleanup_fd int own = -1;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", types[i].name);
	own = open(path, O_RDONLY | O_CLOEXEC);
	return own < 0 || is_same(own, fd);
}

static bool open_one(struct joins *joins, int i, char reason[JOINS_REASON_SIZE])
{
	const char *path = joins->paths[i];
	int fd = open_namespace(path);

	joins->fds[i] = fd < 0 ? -1 : fd;
	if (fd == -EBADF)
		return refuse(reason, path, "no namespace");
	if (fd < 0)
		return refuse(reason, path, strerror(-fd));
	if (ioctl(fd, NS_GET_NSTYPE) != types[i].type)
		return refuse(reason, path, "no namespace of that type");
	if (is_own(i, fd))
		return refuse(reason, path, "that is your own");
	return true;
}

static bool check_owner(const struct joins *joins, int i, char reason[JOINS_REASON_SIZE])
{
	cleanup_fd int owner = -1;

	if (joins->fds[i] < 0)
		return true;
	if (joins->fds[USER] < 0)
		return refuse(reason, joins->paths[i],
			      "not without its user namespace: --ns user=PATH");
	owner = ioctl(joins->fds[i], NS_GET_USERNS);
	if (owner < 0 || !is_same(owner, joins->fds[USER]))
		return refuse(reason, joins->paths[i], "of another user namespace");
	return true;
}

bool joins_open(struct joins *joins, char reason[JOINS_REASON_SIZE])
{
	for (int i = 0; i < JOINS_TYPES; i++)
		joins->fds[i] = -1;
	joins->open = true;
	for (int i = 0; i < JOINS_TYPES; i++)
		if (joins->paths[i] && !open_one(joins, i, reason))
			return false;
	return check_owner(joins, PID, reason) && check_owner(joins, MNT, reason);
}

void joins_close(struct joins *joins)
{
	for (int i = 0; joins->open && i < JOINS_TYPES; i++)
		joins->fds[i] = close_keep_errno(joins->fds[i]);
}

/* --------------------------------------------------------------- joining */

static int enter_one(const struct joins *joins, int i, const char **ret)
{
	if (joins->fds[i] < 0)
		return 0;
	*ret = joins->paths[i];
	return setns(joins->fds[i], types[i].type) < 0 ? -errno : 0;
}

/*
 * Who has the host's users and mounts is the host, and so would be its handlers. So they have
 * mounts of their own, as everybody has whom ip-netns(8) executes, and what is mounted by the
 * host is mounted there.
 */
static int leave_the_host(const char **ret)
{
	*ret = "no mounts of its own";
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
}

/*
 * What its handlers may ever have: of a container that nobody shows a process of, nobody knows
 * what its own programs may. It is what containers have usually.
 */
static bool is_usual(int capability)
{
	static const uint64_t usual = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE |
				      1ULL << CAP_FOWNER | 1ULL << CAP_FSETID | 1ULL << CAP_KILL |
				      1ULL << CAP_SETGID | 1ULL << CAP_SETUID |
				      1ULL << CAP_SETPCAP | 1ULL << CAP_NET_BIND_SERVICE |
				      1ULL << CAP_SYS_CHROOT | 1ULL << CAP_SETFCAP;

	return usual >> capability & 1;
}

static int become_root_inside(const char **ret)
{
	*ret = "no root in its user namespace";
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return -errno;
	/* New ids have made it dumpable, or not, as fs.suid_dumpable says. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	*ret = "its capabilities";
	for (int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!is_usual(i) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

/*
 * ATTACK: before anything of a container's is joined. Whoever gets at who joins has all that the
 * starter has: his memory, files and groups.
 */
static int hide(const char **ret)
{
	*ret = "its groups";
	/* who may not has none but his own */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return -errno;
	*ret = "its memory";
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int joins_enter(const struct joins *joins, const char **ret)
{
	const bool user_first = geteuid() != 0;
	int r = hide(ret);

	if (r >= 0 && user_first)
		r = enter_one(joins, USER, ret);
	for (int i = 0; r >= 0 && i < USER; i++)
		r = enter_one(joins, i, ret);
	if (r >= 0 && !user_first)
		r = enter_one(joins, USER, ret);
	if (r >= 0)
		r = joins->fds[USER] >= 0 ? become_root_inside(ret) : leave_the_host(ret);
	if (r < 0)
		return r;
	*ret = "its capabilities";
	return capabilities_drop();
}
