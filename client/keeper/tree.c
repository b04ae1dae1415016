// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The container's mounts. move_mount(2) wants its target in the caller's own mount
 * namespace, and fsopen(2) takes the namespaces that a file system is about from its
 * caller: so we are the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "keeper/container.h"
#include "libupcall-container.h"

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

/* A proc would be of our pid namespace, and show the host's processes. */
int tree_fsopen(const struct keeper *keeper, const char *type, uint32_t flags)
{
	bool other_pids = keeper->pid_namespace >= 0 || keeper->flags & UPCALL_CONTAINER_NEW_PID_NS;
	int fd;

	if (other_pids && !strcmp(type, "proc"))
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

int tree_mount(const struct keeper *keeper, int mount, const char *path)
{
	cleanup_fd int target = -1;
	int r;

	/* else it would be the creator's tree that is changed */
	if (!(keeper->flags & (UPCALL_CONTAINER_NEW_FS_NS | UPCALL_CONTAINER_NEW_EMPTY_FS_NS)))
		return -EOPNOTSUPP;
	target = target_open(path);
	if (target < 0)
		return target;
	r = private(mount);
	if (r < 0)
		return r;
	if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
	    0)
		return -errno;
	return reenter(keeper);
}
