/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/*
 * libupcall: containers as objects, after David Howells' proposal, in user space
 *
 * A container is an fd. It is made empty, built from outside, and its first process is
 * forked into it; who has a copy of the fd may do all of that:
 *
 *	int c = upcall_container_create("web", UPCALL_CONTAINER_NEW_EMPTY_FS_NS |
 *					UPCALL_CONTAINER_NEW_PID_NS |
 *					UPCALL_CONTAINER_KILL_ON_CLOSE |
 *					UPCALL_CONTAINER_FD_CLOEXEC, NULL);
 *	int mount = fsmount(...);			// whatever is to be its root
 *	upcall_container_move_mount(c, mount, "/");
 *	pid_t pid = upcall_container_fork(c);
 *	if (!pid)
 *		execl("/sbin/init", "init", NULL);	// pid 1
 *	...
 *	close(c);					// kills all of it
 *
 * Behind the fd is a process, upcall-keeper, which does what is asked. No daemon is
 * needed. It needs Linux 5.14, /proc, and for freezing, listing and waiting a cgroup of
 * version 2 in which the creator may make one. Nobody else can reach a container: the fd is
 * the authority. Without a user namespace of the container's own that is all that its creator
 * has, for root the host's root: who has the fd mounts what he likes over what is executed
 * there, so give it to nobody whom you would not make root. What the kernel allows, it allows
 * the creator; a fork into the container, and what is done with an fd that comes from it, is
 * also subject to the caller's own rights.
 * A container's fd that comes from somebody you do not trust is not to be used: what is
 * behind it may be no keeper, answer nothing, and have you enter whatever it likes.
 *
 * Functions return 0, an fd, which is the caller's and, but for a container's own without
 * UPCALL_CONTAINER_FD_CLOEXEC, close-on-exec, or a negative errno. They
 * do not touch errno's meaning for anybody, keep no state, and may be called by several
 * threads and processes at once. Beside those of the system calls that are made:
 *
 *	-EINVAL		a name, a flag or an argument that is none
 *	-EBADF		fd is no open fd
 *	-ENOTTY		fd is no container
 *	-ENOTCONN	its keeper is gone: somebody killed it
 *	-ETIMEDOUT	its keeper has not answered for 10 seconds, or it is none
 *	-EPERM		the kernel does not allow it: mostly a user without a user namespace
 *	-EALREADY	it has had its first process; what had to be said before that is said
 *			too late
 *	-EBUSY		its first process is being made at this moment, or cannot be, as it
 *			is frozen
 *	-ECHILD		it has had no first process yet
 *	-EOPNOTSUPP	the kernel, or a container without a cgroup of its own, cannot do that
 *	-ENOPKG		upcall-keeper is not installed
 *	-EPROTONOSUPPORT its keeper is of another version than the library
 *	-EMFILE		no room for an fd, or for less than 64 when a container is made
 *
 * Examples: upcall_container_create(3).
 */
/* clang-format on */
#ifndef LIBUPCALL_CONTAINER_H
#define LIBUPCALL_CONTAINER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Which namespaces are the container's own; the others are its creator's. The values are the
 * proposal's.
 */
enum upcall_container_flags {
	UPCALL_CONTAINER_NEW_FS_NS = 0x001,	  /* a copy of the creator's mounts */
	UPCALL_CONTAINER_NEW_EMPTY_FS_NS = 0x002, /* or an empty directory, a tmpfs */
	UPCALL_CONTAINER_NEW_CGROUP_NS = 0x004,
	UPCALL_CONTAINER_NEW_UTS_NS = 0x008,
	UPCALL_CONTAINER_NEW_IPC_NS = 0x010,
	UPCALL_CONTAINER_NEW_USER_NS = 0x020,
	UPCALL_CONTAINER_NEW_PID_NS = 0x040,
	UPCALL_CONTAINER_NEW_NET_NS = 0x080,
	/*
	 * When the last copy of the fd is closed, everything in it is killed. -EOPNOTSUPP where
	 * that cannot be kept: without a pid namespace, it needs a cgroup.
	 */
	UPCALL_CONTAINER_KILL_ON_CLOSE = 0x100,
	UPCALL_CONTAINER_FD_CLOEXEC = 0x200, /* else programs that are executed inherit the fd */
	UPCALL_CONTAINER_ALL_FLAGS = 0x3ff,
};

/* --- make --- */

/* A range of ids: what is `inside` the user namespace is `outside` for its creator. */
struct upcall_id_range {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

/*
 * Zero what you do not want to say. Without ranges, root inside is the creator's own uid and
 * gid, and there is nobody else, which every user may say but root, for whom it is -EINVAL:
 * root inside would be root outside. With them, there have to be both
 * kinds, and the creator needs CAP_SETUID and CAP_SETGID for them. A range ends each array
 * with count 0.
 */
struct upcall_container_options {
	const struct upcall_id_range *uids;
	const struct upcall_id_range *gids;
	void *reserved[6]; /* NULL */
};

/*
 * An empty container. name: [a-z0-9][a-z0-9_.-]{0,62}; it is no key to anything, and need not be
 * unique. It has a cgroup of its own, container-NAME-..., below the creator's, where that can
 * be made; it goes when the container has ended. options may be NULL.
 */
int upcall_container_create(const char *name, unsigned int flags,
			    const struct upcall_container_options *options);

/* The next four are for before the first process. */

/*
 * A namespace, as of /proc/PID/ns, instead of the creator's or the one made. fd is not
 * consumed. One whose pid namespace is its own has to keep that. -EINVAL for the creator's
 * own namespaces, too: whoever has the fd would come back into them. -EPERM for a mount
 * namespace of another user namespace than the container's: give it that one first.
 */
int upcall_container_set_namespace(int fd, int namespace_fd);

/*
 * A cgroup of version 2, by its directory, instead of the one made. It has to be empty, and the
 * container does not remove it. The caller himself has to have the right to write to its
 * cgroup.kill: -EACCES. cgroup_fd is not consumed.
 */
int upcall_container_set_cgroup(int fd, int cgroup_fd);

/*
 * Serial number of a keyring that the first process, and who inherits its session, will find
 * keys in. Whoever has the creator's uid may add some, at any time. It goes with the fd's last
 * copy and the last session.
 */
int32_t upcall_container_keyring(int fd);

/*
 * fork(2) into the container, once: 0 in the first process, which is pid 1 of its pid
 * namespace if it has its own, and a child of the caller, which gets its pid. It is in all
 * namespaces and the cgroup of the container; in its user namespace, as root where that is
 * mapped, else as who the caller is there, or -EINVAL if he is not mapped either; without
 * supplementary groups where they can be left; with the root and working
 * directory of its mount namespace, if that is not the caller's; with a session keyring of its
 * own. It has copies of all of the caller's fds, but fd itself is
 * closed in it: who has made other copies of that has them closed there, or close-on-exec. Two
 * SIGCHLD may be seen, one of an intermediate process, which is waited for. If it fails there is no
 * process, and it may be tried again.
 */
pid_t upcall_container_fork(int fd);

/* --- build from outside --- */

/*
 * Its root, an O_PATH fd, for openat(2), mkdirat(2) and the like. What is mounted over the
 * root later is not seen through it. ".." and absolute links lead from there into the caller's
 * own tree: after anything that could make links has lived in it, openat2(2) with RESOLVE_IN_ROOT
 * only.
 */
int upcall_container_root(int fd);

/* socket(2) in its network namespace: to configure interfaces, or to speak from there. */
int upcall_container_socket(int fd, int domain, int type, int protocol);

/*
 * fsopen(2) by somebody in its namespaces, which is what a sysfs or mqueue shows. Then
 * fsconfig(2) by the caller. Not "proc" in a container with a pid namespace of its own, nor
 * "cgroup" and "cgroup2" in one with a cgroup namespace: -EOPNOTSUPP. Those exist with the first
 * process, who mounts them.
 */
int upcall_container_fsopen(int fd, const char *type, unsigned int flags);

/* fsmount(2), for who may not mount where he is. fs_fd is not consumed. */
int upcall_container_fsmount(int fd, int fs_fd, unsigned int flags, unsigned int attributes);

/*
 * Mounts what fsmount(2) or open_tree(2) made at a path in the container, whose links are
 * followed inside of it; "/" becomes its root. It is made private: nothing that is mounted on one
 * side of a clone is mounted on the other. mount_fd is not consumed. For one with a mount
 * namespace of its own.
 */
int upcall_container_move_mount(int fd, int mount_fd, const char *path);

/* --- live --- */

/* pidfd of the first process, also after its end. */
int upcall_container_pidfd(int fd);

/*
 * Directory of its cgroup. What lives there keeps controllers from being given to cgroups below
 * it, so its own limits are there only where the cgroup above it gives it their controllers.
 */
int upcall_container_cgroup(int fd);

/*
 * Returns when all of it stands still, or moves again. timeout: milliseconds, or -1. After
 * -ETIMEDOUT, it is still about to freeze: thaw it. -ENODEV: its cgroup was removed meanwhile.
 */
int upcall_container_freeze(int fd, int timeout);
int upcall_container_thaw(int fd, int timeout);

/*
 * Returns when nothing lives in it any more, and the first process nowhere. timeout:
 * milliseconds, or -1; -ETIMEDOUT. The first process's exit status is its parent's, by waitpid(2).
 */
int upcall_container_wait(int fd, int timeout);

/* Made by the library, and may grow at its end. */
struct upcall_member {
	pid_t pid; /* as the caller sees it; only as good as the pidfd is alive */
	int pidfd;
};

/*
 * Who lived in it, each at some moment of the call, as an array that ends with NULL. Those
 * that the caller's pid namespace does not show are left out. It takes an fd for each. -ELOOP: it
 * has cgroups more than 32 below its own.
 */
int upcall_container_members(int fd, struct upcall_member ***ret);

/* Closes the pidfds. Takes NULL; returns NULL. */
struct upcall_member **upcall_members_free(struct upcall_member **members);

/* --- register --- */

struct upcall_connection;
struct upcall_register_options;
struct upcall_entry;

/*
 * upcall_register() by the container's fd. name: NULL for the container's own. Its cgroup is
 * the boundary, unless the options say another.
 */
int upcall_register_container(struct upcall_connection *connection, const char *name, int fd,
			      const struct upcall_register_options *options,
			      struct upcall_entry **ret);

#ifdef __cplusplus
}
#endif

#endif
