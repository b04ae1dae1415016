// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The container's mounts. move_mount(2) wants its target in the caller's own mount
 * namespace, and fsopen(2) takes the namespaces that a file system is about from its
 * caller: so we are the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "keeper/container.h"
#include "libupcall-container.h"
#include "packet.h"

int tree_private(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

static int set(int fs, const char *key, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/* owned: by the container's root, who is not us if ids are mapped. */
static int tmpfs_mount(bool owned)
{
	cleanup_fd int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int r, mount;

	if (fs < 0)
		return -errno;
	r = set(fs, "mode", "0755");
	if (r >= 0 && owned)
		r = set(fs, "uid", "0");
	if (r >= 0 && owned)
		r = set(fs, "gid", "0");
	if (r < 0)
		return r;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return mount < 0 ? -errno : mount;
}

/*
 * A new root over the old one, then the old one is taken out from below it: who may
 * unmount in the container does not find it there.
 */
int tree_empty(bool own_user_namespace)
{
	cleanup_fd int mount = tmpfs_mount(own_user_namespace);

	/* nobody is mapped to 0: it belongs to whom it may */
	if (mount == -EINVAL && own_user_namespace)
		mount = tmpfs_mount(false);
	if (mount < 0)
		return mount;
	if (move_mount(mount, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	if (fchdir(mount) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int tree_root(void)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Of which the container has other namespaces than we: it would show the host's. */
static bool is_of_ours(const struct keeper *keeper, const char *type)
{
	bool pids = keeper->pid_namespace >= 0 || keeper->flags & UPCALL_CONTAINER_NEW_PID_NS;
	bool cgroups = keeper->cgroup_namespace >= 0 ||
		       keeper->flags & UPCALL_CONTAINER_NEW_CGROUP_NS;

	return (pids && !strcmp(type, "proc")) ||
	       (cgroups && (!strcmp(type, "cgroup") || !strcmp(type, "cgroup2")));
}

int tree_fsopen(const struct keeper *keeper, const char *type, uint32_t flags)
{
	int fd;

	if (is_of_ours(keeper, type))
		return -EOPNOTSUPP;
	fd = fsopen(type, flags | FSOPEN_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* As the container sees the path: its links lead nowhere else. */
static int target_open(const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	cleanup_fd int root = tree_root();
	int fd;

	if (root < 0)
		return root;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/* What is mounted over our root is seen by who comes into the namespace, and so by us. */
static int reenter(const struct keeper *keeper)
{
	cleanup_fd int own = openat(keeper->namespaces, "mnt", O_RDONLY | O_CLOEXEC);

	if (own < 0 || setns(own, CLONE_NEWNS) < 0)
		return -errno;
	return 0;
}

/*
 * ORDER: before it is mounted. A clone of a mount that is shared is its peer: what the container
 * mounts over it would be mounted over the other one as well. Below a mount that the container
 * shares with its own it becomes shared again, with those only.
 */
static int private(int mount)
{
	struct mount_attr attributes = { .propagation = MS_PRIVATE };

	return mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
			     sizeof(attributes)) < 0 ?
		       -errno :
		       0;
}

static int mount_at(int mount, const char *path)
{
	cleanup_fd int target = target_open(path);
	int r;

	if (target < 0)
		return target;
	r = private(mount);
	if (r < 0)
		return r;
	return move_mount(mount, "", target, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ?
		       -errno :
		       0;
}

/* With no fd but this one: if it waits for ever, nobody waits for that. */
static _Noreturn void be_mounter(int mount, const char *path)
{
	if (dup2(mount, 0) < 0 || close_range(1, ~0U, 0) < 0)
		_exit(errno);
	_exit(-mount_at(0, path));
}

static struct mounting *mounting_free(struct keeper *keeper)
{
	for (size_t i = 0; i < KEEPER_MOUNTS; i++)
		if (keeper->mounts[i].pidfd < 0)
			return &keeper->mounts[i];
	return NULL;
}

/*
 * ATTACK: the path may lead through a file system of the container whose owner never answers. So a
 * child of ours goes there.
 */
int tree_mount(struct keeper *keeper, struct ask *ask)
{
	struct mounting *mounting = mounting_free(keeper);
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd };
	cleanup_fd int conversation = -1;
	long pid;

	/* else it would be the creator's tree that is changed */
	if (!(keeper->flags & (UPCALL_CONTAINER_NEW_FS_NS | UPCALL_CONTAINER_NEW_EMPTY_FS_NS)))
		return -EOPNOTSUPP;
	if (!mounting)
		return -EBUSY;
	conversation = fcntl(ask->conversation, F_DUPFD_CLOEXEC, 0);
	if (conversation < 0)
		return -errno;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		be_mounter(ask->arguments[0], ask->request->text);
	if (pid < 0)
		return -errno;
	mounting->pidfd = pidfd;
	mounting->conversation = take_fd(&conversation);
	ask->later = true;
	return 0;
}

static int mounter_result(int pidfd)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG | __WALL) < 0)
		return -errno;
	return info.si_code == CLD_EXITED ? -info.si_status : -EINTR;
}

/* ORDER: it is said when we see it, too. */
void tree_mount_end(struct keeper *keeper, struct mounting *mounting)
{
	struct keeper_answer answer = { .error = mounter_result(mounting->pidfd) };

	if (answer.error >= 0)
		answer.error = reenter(keeper);
	(void)packet_send_now(mounting->conversation, &answer, sizeof(answer), NULL, 0);
	mounting->pidfd = close_keep_errno(mounting->pidfd);
	mounting->conversation = close_keep_errno(mounting->conversation);
}
