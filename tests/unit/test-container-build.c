// SPDX-License-Identifier: GPL-2.0-or-later
/* A container's file system, network and ids, made from outside. */
#include <grp.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "container-fixture.h"
#include "libupcall-proposal.h"

static void body_build(void)
{
	const struct open_how inside = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};
	int fd = made(EMPTY | PID | KILL);
	int root = upcall_container_root(fd), fs, mount;
	struct stat st;
	pid_t pid;

	require(root >= 0);
	require_equal(-1, fstatat(root, "proc", &st, 0));
	mkdir_in(root, "below");
	fs = upcall_container_fsopen(fd, "tmpfs", 0);
	require(fs >= 0);
	require_equal(0, fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	mount = upcall_container_fsmount(fd, fs, 0, 0);
	require(mount >= 0);
	require_equal(0, upcall_container_move_mount(fd, mount, "/"));
	close(fs);
	close(mount);
	close(root);
	/* that is the root now */
	root = upcall_container_root(fd);
	require_equal(-1, fstatat(root, "below", &st, 0));
	mkdir_in(root, "above");
	/* links are followed inside */
	require_equal(0, symlinkat("/above", root, "link"));
	require_equal(-1, openat(root, "link", O_PATH | O_CLOEXEC));
	require(syscall(SYS_openat2, root, "link", &inside, sizeof(inside)) >= 0);
	fs = upcall_container_fsopen(fd, "tmpfs", 0);
	require_equal(0, fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0711", 0));
	require_equal(0, fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	mount = upcall_container_fsmount(fd, fs, 0, 0);
	require_equal(0, upcall_container_move_mount(fd, mount, "link"));
	require_equal(-ENOENT, upcall_container_move_mount(fd, mount, "nowhere"));
	require_equal(-EOPNOTSUPP, upcall_container_fsopen(fd, "proc", 0));
	require_equal(-ENODEV, upcall_container_fsopen(fd, "no-such-file-system", 0));
	pid = upcall_container_fork(fd);
	if (!pid) {
		require_equal(0, stat("/above", &st));
		require_equal(0711, st.st_mode & 07777);
		require_equal(-1, stat("/below", &st));
		/* the old one is not behind it */
		require_equal(0, chdir("/"));
		umount2("/", MNT_DETACH);
		require_equal(-1, stat("/etc", &st));
		_exit(0);
	}
	require_exits(pid, 0);
	close(fd);
}

static void test_build(void **state)
{
	(void)state;
	as_root(body_build);
}

static void test_build_user(void **state)
{
	(void)state;
	as_user(body_build);
}

/* The creator does not see what is mounted in a copy of his mounts. */
static void body_private(void)
{
	struct stat before, after;
	int fd, fs, mount_;

	require_equal(0, unshare(CLONE_NEWNS));
	require_equal(0, mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
	require_equal(0, stat("/mnt", &before));
	fd = made(UPCALL_CONTAINER_NEW_FS_NS | PID);
	fs = upcall_container_fsopen(fd, "tmpfs", 0);
	require_equal(0, fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	mount_ = upcall_container_fsmount(fd, fs, 0, 0);
	require_equal(0, upcall_container_move_mount(fd, mount_, "/mnt"));
	require_equal(0, stat("/mnt", &after));
	require_equal(before.st_dev, after.st_dev);
	require_equal(0, fstatat(upcall_container_root(fd), "mnt", &after, 0));
	require(before.st_dev != after.st_dev);
	close(fd);
}

static void test_private(void **state)
{
	(void)state;
	as_root(body_private);
}

/* A file system of cgroups would show the creator's, where the container has a namespace of its
 * own. */
static void body_fsopen_cgroup(void)
{
	int other, fd = made(UPCALL_CONTAINER_NEW_CGROUP_NS | PID | KILL);
	pid_t in;

	require_equal(-EOPNOTSUPP, upcall_container_fsopen(fd, "cgroup2", 0));
	require_equal(-EOPNOTSUPP, upcall_container_fsopen(fd, "cgroup", 0));
	in = lived_in(fd);
	other = made(PID | KILL);
	require(upcall_container_fsopen(other, "cgroup2", 0) >= 0);
	require_equal(0, set_namespace_of(other, in, "cgroup"));
	require_equal(-EOPNOTSUPP, upcall_container_fsopen(other, "cgroup2", 0));
	require_equal(-EOPNOTSUPP, upcall_container_fsopen(other, "cgroup", 0));
	close(other);
	close(fd);
	require_exits(in, -1);
}

static void test_fsopen_cgroup(void **state)
{
	(void)state;
	as_root(body_fsopen_cgroup);
}

static void body_no_mounts(void)
{
	int fd = made(PID), mount = open("/", O_PATH | O_CLOEXEC);

	require_equal(-EOPNOTSUPP, upcall_container_move_mount(fd, mount, "/tmp"));
	close(fd);
}

static void test_no_mounts(void **state)
{
	(void)state;
	as_root(body_no_mounts);
}

static short loopback(int socket, bool up)
{
	struct ifreq request = { .ifr_name = "lo" };

	require_equal(0, ioctl(socket, SIOCGIFFLAGS, &request));
	if (up) {
		request.ifr_flags |= IFF_UP;
		require_equal(0, ioctl(socket, SIOCSIFFLAGS, &request));
	}
	return request.ifr_flags & IFF_UP;
}

static void body_socket(void)
{
	int fd = made(NET | PID | KILL);
	int s = upcall_container_socket(fd, AF_INET, SOCK_DGRAM, 0);
	pid_t pid;

	require(s >= 0);
	require_equal(FD_CLOEXEC, fcntl(s, F_GETFD));
	require_equal(0, loopback(s, false));
	require_equal(IFF_UP, loopback(s, true));
	require_equal(-EAFNOSUPPORT, upcall_container_socket(fd, 4095, SOCK_DGRAM, 0));
	pid = upcall_container_fork(fd);
	if (!pid)
		_exit(loopback(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), false) ? 0 : 1);
	require_exits(pid, 0);
	close(fd);
}

static void test_socket(void **state)
{
	(void)state;
	as_root(body_socket);
}

static void test_socket_user(void **state)
{
	(void)state;
	as_user(body_socket);
}

static void body_ranges(void)
{
	static const struct upcall_id_range ids[] = { { 0, 100000, 1000 }, { 1000, 7, 1 }, { 0 } };
	const struct upcall_container_options options = { .uids = ids, .gids = ids };
	const gid_t group = 7;
	int fd = upcall_container_create("ranges", USER | PID | EMPTY | KILL, &options);
	struct stat st;
	pid_t pid;

	if (is_user()) {
		require_equal(-EPERM, fd);
		return;
	}
	require(fd >= 0);
	/* one that is mapped, so that it would be of use inside */
	require_equal(0, setgroups(1, &group));
	pid = upcall_container_fork(fd);
	if (!pid) {
		require_equal(0, getuid());
		require_equal(0, getgid());
		require_equal(0, getgroups(0, NULL));
		/* of the container's root */
		require_equal(0, stat("/", &st));
		require_equal(0, st.st_uid);
		require_equal(0, st.st_gid);
		/* it has our memory: nobody else inside may look into that */
		require_equal(0, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
		_exit(5);
	}
	require_exits(pid, 5);
	close(fd);
}

static void test_ranges(void **state)
{
	(void)state;
	as_root(body_ranges);
}

static void test_ranges_user(void **state)
{
	(void)state;
	as_user(body_ranges);
}

/* What a fork into a container with these maps says. */
static int forked_with(const struct upcall_id_range *uids, const struct upcall_id_range *gids)
{
	const struct upcall_container_options options = { .uids = uids, .gids = gids };
	int fd = upcall_container_create("ranges", USER | PID | KILL, &options);
	pid_t pid;

	require(fd >= 0);
	pid = upcall_container_fork(fd);
	if (!pid)
		_exit(3);
	if (pid > 0)
		require_exits(pid, 3);
	close(fd);
	return pid > 0 ? 0 : pid;
}

/* Whom no map of it has, nobody in it is: least of all the host's root. */
static void body_ranges_without_root(void)
{
	static const struct upcall_id_range none[] = { { 1000, 100000, 1000 }, { 0 } };
	static const struct upcall_id_range root[] = { { 0, 100000, 1000 }, { 0 } };
	static const struct upcall_id_range other[] = { { 5, 0, 1 }, { 0 } };

	require_equal(-EINVAL, forked_with(none, none));
	require_equal(-EINVAL, forked_with(root, none));
	require_equal(-EINVAL, forked_with(none, root));
	require_equal(0, forked_with(root, root));
	/* who is somebody inside stays him */
	require_equal(0, forked_with(other, other));
}

static void test_ranges_without_root(void **state)
{
	(void)state;
	as_root(body_ranges_without_root);
}

static void test_ranges_one_kind(void **state)
{
	static const struct upcall_id_range ids[] = { { 0, 0, 1 }, { 0 } };
	const struct upcall_container_options options = { .uids = ids };

	(void)state;
	assert_int_equal(upcall_container_create("one", USER, &options), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),		cmocka_unit_test(test_build_user),
		cmocka_unit_test(test_private),		cmocka_unit_test(test_fsopen_cgroup),
		cmocka_unit_test(test_no_mounts),	cmocka_unit_test(test_socket),
		cmocka_unit_test(test_socket_user),	cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_ranges_user),	cmocka_unit_test(test_ranges_without_root),
		cmocka_unit_test(test_ranges_one_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
