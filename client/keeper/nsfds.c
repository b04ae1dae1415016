// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What leads into the container. Namespaces that need no process in them are our own.
 * Of the others, we have an fd, or they are made by the first process itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "keeper/container.h"
#include "libupcall-container.h"

static int add(struct ask *ask, int fd, uint32_t bit)
{
	int r = ask_add(ask, fd);

	if (r >= 0)
		ask->answer.value |= bit;
	return r;
}

static int add_own(const struct keeper *keeper, struct ask *ask, const char *name, uint32_t bit)
{
	return add(ask, openat(keeper->namespaces, name, O_RDONLY | O_CLOEXEC), bit);
}

static int add_given(struct ask *ask, int fd, uint32_t bit)
{
	return fd < 0 ? 0 : add(ask, fcntl(fd, F_DUPFD_CLOEXEC, 0), bit);
}

/* ORDER: of the bits */
int nsfds_answer(struct keeper *keeper, struct ask *ask)
{
	/* its directory: files that we open are written to with our rights, whoever does it */
	int r = add_given(ask, keeper->cgroup, KEEPER_NSFD_CGROUP);

	if (r >= 0)
		r = add_own(keeper, ask, "user", KEEPER_NSFD_USER);
	if (r >= 0)
		r = add_given(ask, keeper->cgroup_namespace, KEEPER_NSFD_CGROUPNS);
	if (r >= 0)
		r = add_own(keeper, ask, "ipc", KEEPER_NSFD_IPC);
	if (r >= 0)
		r = add_own(keeper, ask, "uts", KEEPER_NSFD_UTS);
	if (r >= 0)
		r = add_own(keeper, ask, "net", KEEPER_NSFD_NET);
	if (r >= 0)
		r = add_given(ask, keeper->pid_namespace, KEEPER_NSFD_PID);
	if (r >= 0)
		r = add_given(ask, keeper->time_namespace, KEEPER_NSFD_TIME);
	if (r >= 0)
		r = add_own(keeper, ask, "mnt", KEEPER_NSFD_MNT);
	if (r < 0)
		return r;
	if (keeper->flags & UPCALL_CONTAINER_NEW_PID_NS)
		ask->answer.value |= KEEPER_NSFD_NEW_PID;
	if (keeper->flags & UPCALL_CONTAINER_NEW_CGROUP_NS && keeper->cgroup_namespace < 0)
		ask->answer.value |= KEEPER_NSFD_NEW_CGROUPNS;
	ask->answer.keyring = keeper->keyring;
	return 0;
}

static int keep(int *kept, int namespace)
{
	int own = fcntl(namespace, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return -errno;
	close_keep_errno(*kept);
	*kept = own;
	return 0;
}

int identify(int dir, const char *name, int flags, struct identity *identity)
{
	struct statx found;

	if (statx(dir, name, AT_STATX_DONT_SYNC | flags, STATX_INO, &found) < 0)
		return -errno;
	identity->device = (uint64_t)found.stx_dev_major << 32 | found.stx_dev_minor;
	identity->inode = found.stx_ino;
	return 0;
}

int namespaces_keep(struct keeper *keeper)
{
	static const char *const names[KEEPER_NAMESPACES] = { "mnt", "net", "user",   "pid",
							      "ipc", "uts", "cgroup", "time" };
	int r;

	for (size_t i = 0; i < KEEPER_NAMESPACES; i++) {
		r = identify(keeper->namespaces, names[i], 0, &keeper->creators[i]);
		/* a kernel may be built without one */
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/*
 * -EINVAL: no namespace, or our creator's. In his, what is done for who has the container's fd,
 * who may be anybody, would be done to him.
 */
static int check_other(const struct keeper *keeper, int namespace)
{
	struct identity given;
	int r;

	r = identify(namespace, "", AT_EMPTY_PATH, &given);
	if (r < 0)
		return r;
	if (given.device != keeper->creators[0].device)
		return -EINVAL;
	for (size_t i = 0; i < KEEPER_NAMESPACES; i++)
		if (given.inode == keeper->creators[i].inode)
			return -EINVAL;
	return 0;
}

/*
 * ATTACK: who has the container's fd would lay out what is executed in it, by root perhaps, in
 * mounts that are his own to make.
 */
static int check_mounts(const struct keeper *keeper, int namespace)
{
	cleanup_fd int owner = ioctl(namespace, NS_GET_USERNS);
	struct identity its, ours;
	int r;

	if (owner < 0)
		return -errno;
	r = identify(owner, "", AT_EMPTY_PATH, &its);
	if (r >= 0)
		r = identify(keeper->namespaces, "user", 0, &ours);
	if (r < 0)
		return r;
	return its.inode == ours.inode ? 0 : -EPERM;
}

/* For good: we are in it ourselves. */
static int join(struct keeper *keeper, int namespace, int type)
{
	int r = type == CLONE_NEWNS ? check_mounts(keeper, namespace) : 0;

	if (r < 0)
		return r;
	/* other rights may have made us dumpable again */
	if (setns(namespace, type) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	if (type == CLONE_NEWNS)
		keeper->flags |= UPCALL_CONTAINER_NEW_FS_NS;
	return 0;
}

int namespace_set(struct keeper *keeper, int namespace)
{
	int type, r;

	r = check_other(keeper, namespace);
	if (r < 0)
		return r;
	type = ioctl(namespace, NS_GET_NSTYPE);

	switch (type) {
	case -1:
		return errno == ENOTTY ? -EINVAL : -errno;
	case CLONE_NEWPID:
		/* KILL_ON_CLOSE may rest on the first process being that namespace's init */
		if (keeper->flags & UPCALL_CONTAINER_NEW_PID_NS)
			return -EINVAL;
		return keep(&keeper->pid_namespace, namespace);
	case CLONE_NEWTIME:
		return keep(&keeper->time_namespace, namespace);
	case CLONE_NEWCGROUP:
		return keep(&keeper->cgroup_namespace, namespace);
	default:
		return join(keeper, namespace, type);
	}
}
