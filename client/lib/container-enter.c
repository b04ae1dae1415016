// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "container-enter.h"
#include "owned.h"

/* In the order of enum keeper_nsfd. */
static const struct {
	const char *name; /* NULL: the fd is a cgroup */
	int type;
} nsfds[KEEPER_NSFD_FDS] = {
	{ NULL, 0 },
	{ "user", CLONE_NEWUSER },
	{ "cgroup", CLONE_NEWCGROUP },
	{ "ipc", CLONE_NEWIPC },
	{ "uts", CLONE_NEWUTS },
	{ "net", CLONE_NEWNET },
	{ "pid_for_children", CLONE_NEWPID },
	{ "time_for_children", CLONE_NEWTIME },
	{ "mnt", CLONE_NEWNS },
};

/* setns(2) to where one is already is refused for some, and to be allowed for none. */
static int is_ours(int own, int i, int namespace)
{
	struct stat ours, its;

	if (fstatat(own, nsfds[i].name, &ours, 0) < 0 || fstat(namespace, &its) < 0)
		return -errno;
	return ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
}

/*
 * With our own rights, and only where they are asked for: a keeper that is not honest could have
 * sent any directory.
 */
static int enter_cgroup(int dir)
{
	owned_fd int procs = -1;
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return -errno;
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return -EBADMSG;
	procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	return procs < 0 || write(procs, "0", 1) < 0 ? -errno : 0;
}

/*
 * System calls, not the C library's functions, which would ask threads that are not in this process
 * any more. EPERM: it is not for us, or the map was made with it denied, as a user's has to be.
 */
static int leave_groups(void)
{
	return syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM ? -errno : 0;
}

/*
 * ATTACK: who made a user namespace may have denied it to all in there, and have what is executed
 * in it keep root's groups. So we leave them before, where we may.
 */
static int enter_user_namespace(int fd)
{
	int r = leave_groups();

	if (r < 0)
		return r;
	return setns(fd, CLONE_NEWUSER) < 0 ? -errno : CLONE_NEWUSER;
}

static int enter_one(int own, int i, int fd)
{
	int r;

	if (!nsfds[i].name)
		return enter_cgroup(fd);
	r = is_ours(own, i, fd);
	if (r < 0 || r > 0)
		return r;
	if (nsfds[i].type == CLONE_NEWUSER)
		return enter_user_namespace(fd);
	return setns(fd, nsfds[i].type) < 0 ? -errno : nsfds[i].type;
}

/* Bits of the namespaces that were joined. */
static int enter_all(const struct keeper_reply *reply)
{
	owned_fd int own = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int joined = 0;
	size_t next = 0;

	if (own < 0)
		return -errno;
	for (int i = 0; i < KEEPER_NSFD_FDS; i++) {
		int r;

		if (!(reply->answer.value & (1U << i)))
			continue;
		if (next >= reply->count)
			return -EBADMSG;
		r = enter_one(own, i, reply->fds[next++]);
		if (r < 0)
			return r;
		/* where we are in it already, r is 1 */
		joined |= r > 1 ? r : 0;
	}
	return joined;
}

static int unshare_rest(uint32_t value)
{
	int namespaces = 0;

	if (value & KEEPER_NSFD_NEW_PID)
		namespaces |= CLONE_NEWPID;
	if (value & KEEPER_NSFD_NEW_CGROUPNS)
		namespaces |= CLONE_NEWCGROUP;
	return namespaces && unshare(namespaces) < 0 ? -errno : 0;
}

/* As leave_groups(). */
static int become(long call, long id)
{
	return syscall(call, id, id, id) < 0 ? -errno : 0;
}

/*
 * ATTACK: where there is no root inside, whom no map has would stay who he is outside, for whom all
 * that is not the container's is open. So -EINVAL stays for him.
 */
static int become_root(void)
{
	int r = leave_groups();

	if (r >= 0)
		r = become(SYS_setresgid, 0);
	if (r == -EINVAL)
		r = become(SYS_setresgid, getegid());
	if (r < 0)
		return r;
	r = become(SYS_setresuid, 0);
	return r == -EINVAL ? become(SYS_setresuid, geteuid()) : r;
}

/*
 * A session of its own, with nothing of the caller's in it but what is the container's. Where
 * there are no keys, or a filter denies them, which the container has too, there is none to take.
 */
static int join_keyring(int32_t keyring)
{
	/* ATTACK: the negative ones are our own */
	if (keyring < 0)
		return -EBADMSG;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		return keyring || (errno != ENOSYS && errno != EPERM) ? -errno : 0;
	if (keyring && syscall(SYS_keyctl, KEYCTL_LINK, keyring, KEY_SPEC_SESSION_KEYRING) < 0)
		return -errno;
	return 0;
}

static int protect(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/*
 * ORDER: first of all, nobody inside looks into what we have of the caller's memory, nor is it
 * dumped into a pipe that the container answers. That is for good, until something is executed:
 * a change of ids may only make it what fs.suid_dumpable says, which may be more, so it is said
 * again. The keyring as who we are; what is made anew when all is joined that it hangs on.
 */
int container_enter(const struct keeper_reply *reply)
{
	int r, joined;

	r = protect();
	if (r >= 0)
		r = join_keyring(reply->answer.keyring);
	if (r < 0)
		return r;
	joined = enter_all(reply);
	if (joined < 0)
		return joined;
	r = unshare_rest(reply->answer.value);
	if (r >= 0 && joined & CLONE_NEWUSER)
		r = become_root();
	return r < 0 ? r : protect();
}
