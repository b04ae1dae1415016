// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers as objects: made, entered once, and gone with the last copy of their fd. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "cgroup-events.h"
#include "container-fixture.h"
#include "keeper-ask.h"
#include "libupcall-container.h"
#include "libupcall-proposal.h"
#include "packet.h"

#ifndef SO_PASSPIDFD /* Linux 6.5 */
#define SO_PASSPIDFD 76
#endif

#define SOON   20000 /* ms, for what takes as long as it takes */
#define EMPTY  UPCALL_CONTAINER_NEW_EMPTY_FS_NS
#define PID    UPCALL_CONTAINER_NEW_PID_NS
#define USER   UPCALL_CONTAINER_NEW_USER_NS
#define NET    UPCALL_CONTAINER_NEW_NET_NS
#define KILL   UPCALL_CONTAINER_KILL_ON_CLOSE
#define CLOSED UPCALL_CONTAINER_FD_CLOEXEC

/* With what a user needs for anything else. */
static int made(unsigned int flags)
{
	static const struct upcall_id_range ids[] = { { 0, 100000, 1000 }, { 0 } };
	static const struct upcall_container_options mapped = { .uids = ids, .gids = ids };
	int fd = upcall_container_create("test", flags | CLOSED | (is_user() ? USER : 0),
					 !is_user() && flags & USER ? &mapped : NULL);

	require(fd >= 0 || (errno = -fd, false));
	return fd;
}

/* Without a copy of any container's fd. */
static _Noreturn void stay(void)
{
	close_range(3, ~0U, 0);
	for (;;)
		pause();
}

/* A first process that stays. Its /proc is to be read: only what it executes would be dumpable. */
static pid_t lived_in(int fd)
{
	int ready[2];
	char none;
	pid_t pid;

	require(!pipe2(ready, O_CLOEXEC));
	pid = upcall_container_fork(fd);
	require(pid >= 0 || (errno = -pid, false));
	if (!pid) {
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		stay();
	}
	close(ready[1]);
	require_equal(0, read(ready[0], &none, 1));
	close(ready[0]);
	return pid;
}

/* ---------------------------------------------------------------------- make */

static void test_arguments(void **state)
{
	struct upcall_container_options options = { .reserved = { state } };
	int fd;

	assert_int_equal(upcall_container_create(NULL, 0, NULL), -EINVAL);
	assert_int_equal(upcall_container_create("", 0, NULL), -EINVAL);
	assert_int_equal(upcall_container_create("-a", 0, NULL), -EINVAL);
	assert_int_equal(upcall_container_create("a/b", 0, NULL), -EINVAL);
	assert_int_equal(upcall_container_create("a", 0x400, NULL), -EINVAL);
	assert_int_equal(upcall_container_create("a", EMPTY | UPCALL_CONTAINER_NEW_FS_NS, NULL),
			 -EINVAL);
	options.reserved[0] = &options;
	assert_int_equal(upcall_container_create("a", 0, &options), -EINVAL);
	assert_int_equal(upcall_container_fork(-1), -EBADF);
	assert_int_equal(upcall_container_root(-1), -EBADF);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(upcall_container_root(fd), -ENOTTY);
	assert_int_equal(upcall_container_fork(fd), -ENOTTY);
	close(fd);
	/* as the proposal has it */
	errno = 0;
	assert_int_equal(container_create("", 0), -1);
	assert_int_equal(errno, EINVAL);
}

static void body_cloexec(void)
{
	int fd = made(PID);

	require_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
	close(fd);
	fd = upcall_container_create("open", PID | (is_user() ? USER : 0), NULL);
	require_equal(0, fcntl(fd, F_GETFD));
	close(fd);
}

static void test_cloexec(void **state)
{
	(void)state;
	as_user(body_cloexec);
}

/* What is not named is the creator's; what is named is not. */
static void body_namespaces(void)
{
	static const struct {
		unsigned int flag;
		const char *name;
	} all[] = {
		{ UPCALL_CONTAINER_NEW_FS_NS, "mnt" },
		{ EMPTY, "mnt" },
		{ UPCALL_CONTAINER_NEW_CGROUP_NS, "cgroup" },
		{ UPCALL_CONTAINER_NEW_UTS_NS, "uts" },
		{ UPCALL_CONTAINER_NEW_IPC_NS, "ipc" },
		{ USER, "user" },
		{ PID, "pid" },
		{ NET, "net" },
	};
	static const char *const names[] = { "mnt", "cgroup", "uts", "ipc", "user", "pid", "net" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int fd = made(all[i].flag | KILL | (have_cgroup() ? 0 : PID));
		pid_t pid = lived_in(fd);

		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			bool own = !strcmp(names[j], all[i].name) ||
				   (is_user() && !strcmp(names[j], "user")) ||
				   (!have_cgroup() && !strcmp(names[j], "pid"));

			require_equal(own,
				      namespace_of(pid, names[j]) != namespace_of(0, names[j]));
		}
		close(fd);
		require_exits(pid, -1);
	}
}

static void test_namespaces(void **state)
{
	(void)state;
	as_root(body_namespaces);
}

static void test_namespaces_user(void **state)
{
	(void)state;
	as_user(body_namespaces);
}

/* A user without a user namespace is refused by the kernel, and nothing is left. */
static void body_refused(void)
{
	require_equal(-EPERM, upcall_container_create("test", NET, NULL));
	require_equal(-EPERM, upcall_container_create("test", EMPTY, NULL));
}

static void test_refused(void **state)
{
	(void)state;
	as_user(body_refused);
}

/* ---------------------------------------------------------------------- fork */

static void body_first(void)
{
	int fd = made(PID | EMPTY | NET);
	pid_t pid;

	pid = upcall_container_fork(fd);
	require(pid >= 0);
	if (!pid) {
		char buffer[8];

		clockid_t clock;
		struct timespec time;

		require_equal(1, getpid());
		/* that goes by the thread id that the C library keeps */
		require_equal(0, pthread_getcpuclockid(pthread_self(), &clock));
		require_equal(0, clock_gettime(clock, &time));
		require_equal(0, getuid());
		require_equal(0, access("/", W_OK));
		require(getcwd(buffer, sizeof(buffer)) && !strcmp(buffer, "/"));
		_exit(7);
	}
	require_equal(-EALREADY, upcall_container_fork(fd));
	require_exits(pid, 7);
	require_equal(-EALREADY, upcall_container_fork(fd));
	close(fd);
}

static void test_first(void **state)
{
	(void)state;
	as_root(body_first);
}

static void test_first_user(void **state)
{
	(void)state;
	as_user(body_first);
}

static void *fork_thread(void *data)
{
	pid_t pid = upcall_container_fork(*(int *)data);

	if (!pid)
		_exit(3);
	return (void *)(intptr_t)pid;
}

/* However many do it at once, from threads, there is one first process. */
static void body_at_once(void)
{
	for (int round = 0; round < 10; round++) {
		pthread_t threads[6];
		int fd = made(PID), ok = 0;

		for (int i = 0; i < 6; i++)
			require(!pthread_create(&threads[i], NULL, fork_thread, &fd));
		for (int i = 0; i < 6; i++) {
			void *result;
			pid_t pid;

			pthread_join(threads[i], &result);
			pid = (pid_t)(intptr_t)result;
			if (pid > 0)
				require_exits(pid, 3);
			else
				require(pid == -EBUSY || pid == -EALREADY);
			ok += pid > 0;
		}
		require_equal(1, ok);
		require_equal(-EALREADY, upcall_container_fork(fd));
		close(fd);
	}
}

static void test_at_once(void **state)
{
	(void)state;
	as_user(body_at_once);
}

static void *close_thread(void *data)
{
	close(*(int *)data);
	return NULL;
}

/* Another thread closes it: there is a first process, which is killed, or there is none. */
static void body_closed_meanwhile(void)
{
	for (int round = 0; round < 20; round++) {
		pthread_t thread;
		int fd = made(PID | KILL);
		pid_t pid;

		require(!pthread_create(&thread, NULL, close_thread, &fd));
		pid = upcall_container_fork(fd);
		if (!pid)
			stay();
		pthread_join(thread, NULL);
		if (pid > 0)
			require_exits(pid, -1);
		else
			require(pid == -EBADF || pid == -ENOTCONN || pid == -ENOTTY);
	}
}

static void test_closed_meanwhile(void **state)
{
	(void)state;
	as_user(body_closed_meanwhile);
}

/* ----------------------------------------------------------------------- end */

static void body_kill(void)
{
	int fd = made(PID | KILL);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	pid_t pid = lived_in(fd);
	int pidfd = upcall_container_pidfd(fd);
	struct pollfd poller = { .fd = pidfd, .events = POLLIN };

	close(fd);
	/* there is another copy */
	require_equal(0, poll(&poller, 1, 100));
	require_equal(0, pidfd_send_signal(pidfd, 0, NULL, 0));
	close(copy);
	require_gone(pidfd);
	require_exits(pid, -1);
	close(pidfd);
}

static void test_kill(void **state)
{
	(void)state;
	as_root(body_kill);
}

static void test_kill_user(void **state)
{
	(void)state;
	as_user(body_kill);
}

/* Whoever left the first process's session, and whose parent is not in there any more. */
static void body_kill_without_pid_namespace(void)
{
	int fd, pipe_[2], other;
	pid_t pid;

	if (!have_cgroup()) {
		require_equal(-EOPNOTSUPP, upcall_container_create("test", KILL, NULL));
		return;
	}
	fd = made(KILL);
	require(!pipe2(pipe_, O_CLOEXEC));
	pid = upcall_container_fork(fd);
	if (!pid) {
		close(fd);
		other = fork();
		if (!other) {
			setsid();
			other = getpid();
			require_equal(sizeof(other), write(pipe_[1], &other, sizeof(other)));
			for (;;)
				pause();
		}
		_exit(0);
	}
	require_exits(pid, 0);
	require_equal(sizeof(other), read(pipe_[0], &other, sizeof(other)));
	other = pidfd_open(other, 0);
	require_equal(0, pidfd_send_signal(other, 0, NULL, 0));
	require_equal(-ETIMEDOUT, upcall_container_wait(fd, 0));
	close(fd);
	require_gone(other);
}

static void test_kill_cgroup(void **state)
{
	(void)state;
	as_root(body_kill_without_pid_namespace);
}

static void test_kill_cgroup_user(void **state)
{
	(void)state;
	as_user(body_kill_without_pid_namespace);
}

/* What a cgroup is needed for is refused, and what is not works. */
static void body_no_cgroup(void)
{
	struct upcall_member **members;
	pid_t pid;
	int fd;

	require_equal(-EOPNOTSUPP, upcall_container_create("test", USER | KILL, NULL));
	fd = made(PID | KILL);
	pid = lived_in(fd);
	require_equal(-EOPNOTSUPP, upcall_container_freeze(fd, SOON));
	require_equal(-EOPNOTSUPP, upcall_container_thaw(fd, SOON));
	require_equal(-EOPNOTSUPP, upcall_container_members(fd, &members));
	require_equal(-EOPNOTSUPP, upcall_container_cgroup(fd));
	require_equal(-ETIMEDOUT, upcall_container_wait(fd, 20));
	close(fd);
	require_exits(pid, -1);
	fd = made(PID);
	pid = lived_in(fd);
	kill(pid, SIGKILL);
	require_equal(0, upcall_container_wait(fd, SOON));
	close(fd);
}

static void test_no_cgroup(void **state)
{
	(void)state;
	as_user_without_cgroup(body_no_cgroup);
}

/* A fork that fails may be tried again, at once. */
static void body_again(void)
{
	struct rlimit limit = { 0, RLIM_INFINITY }, before;
	int fd = made(PID | KILL);
	pid_t pid;

	require_equal(0, getrlimit(RLIMIT_NPROC, &before));
	limit.rlim_max = before.rlim_max;
	for (int i = 0; i < 20; i++) {
		require_equal(0, setrlimit(RLIMIT_NPROC, &limit));
		require_equal(-EAGAIN, upcall_container_fork(fd));
		require_equal(0, setrlimit(RLIMIT_NPROC, &before));
	}
	pid = lived_in(fd);
	close(fd);
	require_exits(pid, -1);
}

static void test_again(void **state)
{
	(void)state;
	as_user(body_again);
}

/* Without the flag, it lives on; its cgroup goes when it has ended. */
static void body_live_on(void)
{
	int fd = made(PID);
	pid_t pid = lived_in(fd);
	int pidfd = upcall_container_pidfd(fd);
	struct pollfd poller = { .fd = pidfd, .events = POLLIN };

	close(fd);
	require_equal(0, poll(&poller, 1, 200));
	require_equal(0, kill(pid, SIGKILL));
	require_exits(pid, -1);
}

static void test_live_on(void **state)
{
	(void)state;
	as_user(body_live_on);
}

/* Passed to another process, and its first one forked there. */
static void body_passed(void)
{
	int fd = made(PID | KILL), pipe_[2];
	pid_t other, pid;

	require(!pipe2(pipe_, O_CLOEXEC));
	other = fork();
	if (!other) {
		pid = lived_in(fd);
		require_equal(sizeof(pid), write(pipe_[1], &pid, sizeof(pid)));
		_exit(0);
	}
	close(fd);
	require_exits(other, 0);
	require_equal(sizeof(pid), read(pipe_[0], &pid, sizeof(pid)));
	/* the other one's copy was the last */
	require_exits(pid, -1);
}

static void test_passed(void **state)
{
	(void)state;
	as_user(body_passed);
}

/* --------------------------------------------------------------------- build */

static void mkdir_in(int root, const char *path)
{
	require_equal(0, mkdirat(root, path, 0755));
}

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

static int set_namespace_of(int fd, pid_t pid, const char *name)
{
	char path[64];
	int ns, r;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	require(ns >= 0);
	r = upcall_container_set_namespace(fd, ns);
	close(ns);
	return r;
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

/* -------------------------------------------------------------- id mappings */

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

/* ---------------------------------------------------- namespaces and cgroups */

static void body_set_namespace(void)
{
	int other = made(NET | PID), fd = made(PID | KILL), ns, pid;
	pid_t in = lived_in(other);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", in);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	require_equal(0, upcall_container_set_namespace(fd, ns));
	close(ns);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", in);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	require_equal(-EINVAL, upcall_container_set_namespace(fd, ns));
	require_equal(-EINVAL, upcall_container_set_namespace(fd, 0));
	pid = lived_in(fd);
	require_equal(namespace_of(in, "net"), namespace_of(pid, "net"));
	require_equal(-EALREADY, upcall_container_set_namespace(fd, ns));
	close(ns);
	close(fd);
	require_exits(pid, -1);
	kill(in, SIGKILL);
	close(other);
}

static void test_set_namespace(void **state)
{
	(void)state;
	as_root(body_set_namespace);
}

/* Of somebody else's pid namespace, it is not the init. */
static void body_set_pid_namespace(void)
{
	int other = made(PID), fd, ns;
	pid_t in = lived_in(other), pid;
	char path[64];

	fd = made(0);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", in);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	require_equal(0, upcall_container_set_namespace(fd, ns));
	pid = upcall_container_fork(fd);
	if (!pid)
		_exit(getpid() == 2 ? 0 : 1);
	require_exits(pid, 0);
	kill(in, SIGKILL);
	close(fd);
	close(other);
	close(ns);
}

static void test_set_pid_namespace(void **state)
{
	(void)state;
	as_root(body_set_pid_namespace);
}

static void body_cgroup(void)
{
	struct upcall_member **members;
	int fd, dir, given;
	pid_t pid;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	dir = upcall_container_cgroup(fd);
	require(dir >= 0);
	/* one below, made by us: */
	require_equal(0, mkdirat(dir, "given", 0755));
	given = openat(dir, "given", O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* it is the other container's */
	pid = lived_in(fd);
	{
		int second = made(PID | KILL);
		pid_t inner;

		require_equal(0, upcall_container_set_cgroup(second, given));
		inner = lived_in(second);
		require_equal(-EALREADY, upcall_container_set_cgroup(second, given));
		require_equal(0, upcall_container_members(fd, &members));
		require(members[0] && members[1] && !members[2]);
		require(members[0]->pid == pid || members[1]->pid == pid);
		require(members[0]->pid == inner || members[1]->pid == inner);
		upcall_members_free(members);
		require_equal(0, upcall_container_members(second, &members));
		require(members[0]->pid == inner && !members[1]);
		upcall_members_free(members);
		close(second);
		require_exits(inner, -1);
	}
	require_equal(0, upcall_container_freeze(fd, SOON));
	require_equal(0, kill(pid, SIGUSR1));
	require_equal(0, upcall_container_thaw(fd, SOON));
	require_equal(-ETIMEDOUT, upcall_container_wait(fd, 50));
	require_equal(0, upcall_container_freeze(fd, SOON));
	/* that it is frozen keeps nobody from being killed */
	close(fd);
	require_exits(pid, -1);
}

static void test_cgroup(void **state)
{
	(void)state;
	as_root(body_cgroup);
}

static void test_cgroup_user(void **state)
{
	(void)state;
	as_user(body_cgroup);
}

/* The creator's cgroup, of which a container that was there for a moment leaves nothing. */
static int creators_cgroup(void)
{
	int fd = made(PID | KILL), own = upcall_container_cgroup(fd), above;

	above = openat(own, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(above >= 0);
	close(own);
	close(fd);
	/* its keeper */
	require(waitpid(-1, NULL, 0) > 0);
	return above;
}

/* Below a cgroup of threads none can be made that a process may enter: so there is none. */
static void body_cgroup_threaded(void)
{
	int fd, above, type, given;
	pid_t pid;

	if (!have_cgroup())
		return;
	above = creators_cgroup();
	require_equal(0, mkdirat(above, "threads", 0755));
	type = openat(above, "threads/cgroup.type", O_WRONLY | O_CLOEXEC);
	require(write(type, "threaded", 8) == 8);
	close(type);
	require_equal(-EOPNOTSUPP, upcall_container_create("test", KILL | CLOSED, NULL));
	fd = made(PID | KILL);
	require_equal(-EOPNOTSUPP, upcall_container_cgroup(fd));
	given = openat(above, "threads", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require_equal(-EOPNOTSUPP, upcall_container_set_cgroup(fd, given));
	pid = lived_in(fd);
	close(fd);
	require_exits(pid, -1);
	require_equal(0, unlinkat(above, "threads", AT_REMOVEDIR));
}

static void test_cgroup_threaded(void **state)
{
	(void)state;
	as_root(body_cgroup_threaded);
}

/* Who lives somewhere is not made part of a container. */
static void body_cgroup_of_others(void)
{
	int fd, first, dir;
	pid_t pid;

	if (!have_cgroup())
		return;
	first = made(PID | KILL);
	pid = lived_in(first);
	fd = made(PID | KILL);
	dir = upcall_container_cgroup(first);
	require_equal(-ENOTEMPTY, upcall_container_set_cgroup(fd, dir));
	close(dir);
	dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require_equal(-EINVAL, upcall_container_set_cgroup(fd, dir));
	close(fd);
	require_equal(0, kill(pid, 0));
	close(first);
	require_exits(pid, -1);
}

static void test_cgroup_of_others(void **state)
{
	(void)state;
	as_root(body_cgroup_of_others);
}

static void procs_write(int dir, pid_t pid)
{
	int procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	require(procs >= 0 && dprintf(procs, "%d", pid) > 0);
	close(procs);
}

/* A pid namespace keeps nobody in the cgroup: he lives, and is killed, where he has gone. */
static void body_wait_moved(void)
{
	int fd, above;
	pid_t pid;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	pid = lived_in(fd);
	above = openat(upcall_container_cgroup(fd), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	procs_write(above, pid);
	require_equal(-ETIMEDOUT, upcall_container_wait(fd, 50));
	require_equal(0, kill(pid, SIGKILL));
	require_equal(0, upcall_container_wait(fd, SOON));
	require_exits(pid, -1);
	close(fd);
	fd = made(PID | KILL);
	pid = lived_in(fd);
	procs_write(above, pid);
	close(fd);
	require_exits(pid, -1);
}

static void test_wait_moved(void **state)
{
	(void)state;
	as_root(body_wait_moved);
}

/* Of a cgroup that is removed meanwhile the kernel says without an end that something is new. */
static void body_wait_removed(void)
{
	int fd, dir, file;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	dir = upcall_container_cgroup(fd);
	require_equal(0, mkdirat(dir, "removed", 0755));
	file = openat(dir, "removed/cgroup.events", O_RDONLY | O_CLOEXEC);
	require(file >= 0);
	require_equal(-ETIMEDOUT, cgroup_file_wait(file, "frozen", true, deadline_in(20)));
	require_equal(0, unlinkat(dir, "removed", AT_REMOVEDIR));
	require_equal(-ENODEV, cgroup_file_wait(file, "frozen", true, deadline_in(1000)));
	require_equal(0, cgroup_file_wait(file, "populated", false, deadline_in(1000)));
	close(fd);
}

static void test_wait_removed(void **state)
{
	(void)state;
	as_root(body_wait_removed);
}

static void body_wait(void)
{
	int fd = made(PID | KILL);
	pid_t pid;

	require_equal(-ECHILD, upcall_container_wait(fd, 0));
	require_equal(-ECHILD, upcall_container_pidfd(fd));
	pid = lived_in(fd);
	require_equal(-ETIMEDOUT, upcall_container_wait(fd, 20));
	kill(pid, SIGKILL);
	require_equal(0, upcall_container_wait(fd, SOON));
	require_exits(pid, -1);
	close(fd);
}

static void test_wait(void **state)
{
	(void)state;
	as_user(body_wait);
}

/* ------------------------------------------------------------------- keyring */

static void body_keyring(void)
{
	int fd = made(PID | KILL);
	int32_t keyring = upcall_container_keyring(fd);
	pid_t pid;

	if (keyring == -EOPNOTSUPP || keyring == -EPERM)
		return;
	require(keyring > 0);
	require_equal(keyring, upcall_container_keyring(fd));
	require(syscall(SYS_add_key, "user", "before", "a", 1, keyring) > 0);
	pid = upcall_container_fork(fd);
	if (!pid) {
		/* -1: where there is none; no helper is asked for it */
		require(syscall(SYS_request_key, "user", "before", NULL, 0) > 0);
		_exit(0);
	}
	require_exits(pid, 0);
	require_equal(-EALREADY, upcall_container_keyring(fd));
	close(fd);
}

static void test_keyring(void **state)
{
	(void)state;
	as_root(body_keyring);
}

static void test_keyring_user(void **state)
{
	(void)state;
	as_user(body_keyring);
}

/* --------------------------------------------------------------------- nasty */

/* What is no request is answered by nothing, or refused, and ends nothing. */
static void body_junk(void)
{
	int fd = made(PID | KILL), ends[2];
	struct msghdr message = { 0 };
	char junk[5000] = "junk";

	require_equal(0, send(fd, junk, 0, 0));
	require_equal(0, sendmsg(fd, &message, 0));
	require_equal(4, send(fd, junk, 4, 0));
	require_equal(sizeof(junk), send(fd, junk, sizeof(junk), 0));
	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	require_equal(-ENOTTY, upcall_container_root(0));
	require_equal(-EBADF, upcall_container_fsmount(fd, 0, 0, 0) < 0 ? -EBADF : 0);
	require(upcall_container_root(fd) >= 0);
	close(fd);
}

static void test_junk(void **state)
{
	(void)state;
	as_user(body_junk);
}

static void on_child(int number)
{
	int error = errno;

	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = error;
}

/* A program that waits for whatever ends, or for nothing. */
static void body_reaped(void)
{
	struct sigaction action = { .sa_handler = on_child };
	int fd;

	require(!sigaction(SIGCHLD, &action, NULL));
	for (int i = 0; i < 2; i++) {
		fd = made(PID | KILL);
		lived_in(fd);
		require_equal(-EALREADY, upcall_container_fork(fd));
		close(fd);
		signal(SIGCHLD, SIG_IGN);
	}
}

static void test_reaped(void **state)
{
	(void)state;
	as_user(body_reaped);
}

/* None of its fds is one more after what failed, and what succeeded. */
static unsigned int fds_open(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void body_fds(void)
{
	unsigned int before = fds_open();
	struct upcall_member **members;
	int fd = made(PID | KILL | EMPTY);
	pid_t pid;

	require_equal(before + 1, fds_open());
	close(upcall_container_root(fd));
	require(upcall_container_move_mount(fd, 0, "/") < 0);
	pid = upcall_container_fork(fd);
	if (!pid)
		_exit(fds_open() == before ? 0 : 1);
	require_exits(pid, 0);
	require_equal(-EALREADY, upcall_container_fork(fd));
	if (!upcall_container_members(fd, &members))
		upcall_members_free(members);
	(void)upcall_container_wait(fd, SOON);
	require_equal(before + 1, fds_open());
	close(fd);
}

static void test_fds(void **state)
{
	(void)state;
	as_user(body_fds);
}

/* What is mounted over a clone of a shared mount in the container is not mounted outside. */
static void body_shared_clone(void)
{
	struct stat before, after;
	int fd, tree;
	pid_t pid;

	require_equal(0, unshare(CLONE_NEWNS));
	require_equal(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	require_equal(0, mount("tmpfs", "/mnt", "tmpfs", 0, NULL));
	require_equal(0, mount(NULL, "/mnt", NULL, MS_SHARED, NULL));
	require_equal(0, mkdir("/mnt/below", 0755));
	require_equal(0, stat("/mnt/below", &before));
	tree = open_tree(AT_FDCWD, "/mnt", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	require(tree >= 0);
	fd = made(EMPTY | PID | KILL);
	mkdir_in(upcall_container_root(fd), "host");
	require_equal(0, upcall_container_move_mount(fd, tree, "/host"));
	close(tree);
	pid = upcall_container_fork(fd);
	if (!pid)
		_exit(mount("tmpfs", "/host/below", "tmpfs", 0, NULL) ? 1 : 0);
	require_exits(pid, 0);
	require_equal(0, stat("/mnt/below", &after));
	require_equal(before.st_dev, after.st_dev);
	close(fd);
}

static void test_shared_clone(void **state)
{
	(void)state;
	as_root(body_shared_clone);
}

/* Who has the fd does not send the keeper back to where its creator lives. */
static void body_set_creators_namespace(void)
{
	static const char *const names[] = { "mnt", "net", "user", "ipc", "uts", "cgroup", "pid" };
	struct stat st;
	int fd, clone;
	char path[64];

	require_equal(0, unshare(CLONE_NEWNS));
	require_equal(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	fd = made(NET | KILL | (have_cgroup() ? 0 : PID));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int ns;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		ns = open(path, O_RDONLY | O_CLOEXEC);
		require_equal(-EINVAL, upcall_container_set_namespace(fd, ns));
		close(ns);
	}
	clone = open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	require_equal(-EOPNOTSUPP, upcall_container_move_mount(fd, clone, "/mnt"));
	require_equal(-1, stat("/mnt/self", &st));
	close(clone);
	close(fd);
}

static void test_set_creators_namespace(void **state)
{
	(void)state;
	as_root(body_set_creators_namespace);
}

static void file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	require(fd >= 0);
	require_equal((ssize_t)strlen(text), write(fd, text, strlen(text)));
	close(fd);
}

/* Somebody in a mount namespace of a user namespace of his own, in which root is nobody here. */
static pid_t lives_apart(void)
{
	/* in this order, or the kernel does not take it */
	static const struct {
		const char *file, *text;
	} says[] = {
		{ "setgroups", "deny" },
		{ "uid_map", "0 100000 1" },
		{ "gid_map", "0 100000 1" },
	};
	int ready[2];
	char path[64], byte;
	pid_t pid;

	require(!pipe2(ready, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		require_equal(0, unshare(CLONE_NEWUSER | CLONE_NEWNS));
		stay();
	}
	close(ready[1]);
	require_equal(0, read(ready[0], &byte, 1));
	close(ready[0]);
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, says[i].file);
		file_write(path, says[i].text);
	}
	return pid;
}

/* Mounts that their owner makes as he likes are nothing for root to execute from as root. */
static void body_set_foreign_mounts(void)
{
	pid_t apart = lives_apart(), pid;
	int fd = made(KILL | (have_cgroup() ? 0 : PID)), status;

	require_equal(-EPERM, set_namespace_of(fd, apart, "mnt"));
	pid = lived_in(fd);
	require_equal(namespace_of(0, "mnt"), namespace_of(pid, "mnt"));
	close(fd);
	require_exits(pid, -1);
	/* with their owner's rights only, they may be had */
	fd = made(KILL | (have_cgroup() ? 0 : PID));
	require_equal(0, set_namespace_of(fd, apart, "user"));
	require_equal(0, set_namespace_of(fd, apart, "mnt"));
	pid = lived_in(fd);
	require_equal(namespace_of(apart, "mnt"), namespace_of(pid, "mnt"));
	close(fd);
	require_exits(pid, -1);
	require_equal(0, kill(apart, SIGKILL));
	require_equal(apart, waitpid(apart, &status, 0));
}

static void test_set_foreign_mounts(void **state)
{
	(void)state;
	as_root(body_set_foreign_mounts);
}

/* What a user namespace says of groups is for who is in it: root leaves his before he enters. */
static void body_set_user_namespace(void)
{
	const gid_t group = 7;
	pid_t apart = lives_apart(), pid;
	int fd = made(PID | KILL), status;

	require_equal(0, setgroups(1, &group));
	require_equal(0, set_namespace_of(fd, apart, "user"));
	pid = upcall_container_fork(fd);
	require(pid >= 0 || (errno = -pid, false));
	if (!pid) {
		require_equal(0, getuid());
		require_equal(0, getgroups(0, NULL));
		_exit(0);
	}
	require_exits(pid, 0);
	close(fd);
	require_equal(0, kill(apart, SIGKILL));
	require_equal(apart, waitpid(apart, &status, 0));
}

static void test_set_user_namespace(void **state)
{
	(void)state;
	as_root(body_set_user_namespace);
}

/* The first half of a fork: what leads into the container. The socket for the other. */
static int fork_asked(int fd, struct keeper_reply *reply)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	int conversation = keeper_ask_open(fd, &request, NULL, 0);

	require(conversation >= 0);
	require_equal(0, keeper_ask_next(conversation, reply));
	close(conversation);
	require(reply->count);
	return reply->fds[--reply->count];
}

/* Whoever may not write to the cgroup may not do it with what the keeper gives him either. */
static void body_fork_gives_no_right(void)
{
	struct keeper_reply reply;
	char line[32];
	pid_t pid;
	int fd;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	close(fork_asked(fd, &reply));
	require(reply.answer.value & KEEPER_NSFD_CGROUP);
	snprintf(line, sizeof(line), "%d", getpid());
	pid = fork();
	if (!pid) {
		require_equal(0, setresuid(USER_ID, USER_ID, USER_ID));
		require_equal(-1, write(reply.fds[0], line, strlen(line)));
		require_equal(-1, openat(reply.fds[0], "cgroup.procs", O_WRONLY | O_CLOEXEC));
		_exit(0);
	}
	require_exits(pid, 0);
	keeper_reply_clean(&reply);
	close(fd);
}

static void test_fork_gives_no_right(void **state)
{
	(void)state;
	as_root(body_fork_gives_no_right);
}

/* A stranger is not made the first process: it would be killed with the container. */
static void body_stranger(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	int fd = made(PID | KILL), conversation, pidfd;
	struct keeper_reply reply;
	pid_t pid = fork();

	if (!pid)
		stay();
	pidfd = pidfd_open(pid, 0);
	conversation = fork_asked(fd, &reply);
	keeper_reply_clean(&reply);
	/* it is him that we show, and ourselves who report as a first process does */
	(void)packet_send(conversation, &request, sizeof(request), &pidfd, 1);
	(void)packet_send(conversation, &request, sizeof(request), NULL, 0);
	require(keeper_ask_next(conversation, &reply) < 0);
	require_equal(-ECHILD, upcall_container_pidfd(fd));
	close(conversation);
	close(fd);
	require_equal(0, pidfd_send_signal(pidfd, SIGTERM, NULL, 0));
	require_exits(pid, -1);
}

static void test_stranger(void **state)
{
	(void)state;
	as_root(body_stranger);
}

static void test_stranger_user(void **state)
{
	(void)state;
	as_user_without_cgroup(body_stranger);
}

/* The caller's session keyring is not the container's. */
static void body_session_keyring(void)
{
	int fd = made(PID | KILL);
	pid_t pid;

	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0) {
		require(errno == ENOSYS || errno == EPERM);
		return;
	}
	require(syscall(SYS_add_key, "user", "ours", "a", 1, KEY_SPEC_SESSION_KEYRING) > 0);
	require(syscall(SYS_request_key, "user", "ours", NULL, 0) > 0);
	pid = upcall_container_fork(fd);
	if (!pid)
		_exit(syscall(SYS_request_key, "user", "ours", NULL, 0) > 0 ? 1 : 0);
	require_exits(pid, 0);
	close(fd);
}

static void test_session_keyring(void **state)
{
	(void)state;
	as_root(body_session_keyring);
}

static void test_session_keyring_user(void **state)
{
	(void)state;
	as_user(body_session_keyring);
}

/* What the first process has of its caller's memory is for nobody, until it executes. */
static void body_memory(void)
{
	int fd = made(PID | KILL);
	pid_t pid;

	require_equal(1, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	pid = upcall_container_fork(fd);
	if (!pid)
		_exit(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	require_exits(pid, 0);
	require_equal(1, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	close(fd);
}

static void test_memory(void **state)
{
	(void)state;
	as_root(body_memory);
}

static void test_memory_user(void **state)
{
	(void)state;
	as_user(body_memory);
}

/* The container does not get its own fd. */
static void body_own_fd(void)
{
	int fd = upcall_container_create("test", PID | KILL | (is_user() ? USER : 0), NULL);
	pid_t pid;

	require_equal(0, fcntl(fd, F_GETFD));
	pid = upcall_container_fork(fd);
	if (!pid)
		_exit(fcntl(fd, F_GETFD) >= 0 ? 1 : 0);
	require_exits(pid, 0);
	require_equal(0, fcntl(fd, F_GETFD));
	close(fd);
}

static void test_own_fd(void **state)
{
	(void)state;
	as_user(body_own_fd);
}

/* Root says whom root inside is: else he would be himself. */
static void body_root_is_no_default(void)
{
	require_equal(-EINVAL, upcall_container_create("test", USER | PID, NULL));
}

static void test_root_is_no_default(void **state)
{
	(void)state;
	as_root(body_root_is_no_default);
}

/* Where the keeper's answer has no room, it is the asker's loss: others are answered. */
static void body_full(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_INFO };
	char junk[1000] = "junk";
	int fd = made(PID | KILL), ends[2];

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	while (send(ends[0], junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	require_equal(0, packet_send(fd, &request, sizeof(request), ends, 1));
	require(upcall_container_root(fd) >= 0);
	close(fd);
}

static void test_full(void **state)
{
	(void)state;
	as_user(body_full);
}

/* Who begins a fork and leaves it at that keeps others from it for some seconds only. */
static void body_fork_left(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	int fd = made(PID | KILL), other = made(PID | KILL), conversation;
	struct keeper_reply reply;
	pid_t pid;

	conversation = fork_asked(fd, &reply);
	keeper_reply_clean(&reply);
	/* and if he gave the container's fd itself, the keeper would keep that open */
	require_equal(0, packet_send(other, &request, sizeof(request), &other, 1));
	require_equal(-EBUSY, upcall_container_fork(fd));
	close(other);
	while ((pid = upcall_container_fork(fd)) == -EBUSY)
		usleep(100000);
	if (!pid)
		stay();
	require(pid > 0);
	close(fd);
	require_exits(pid, -1);
	close(conversation);
}

static void test_fork_left(void **state)
{
	(void)state;
	as_user(body_fork_left);
}

/* Who shuts the socket down has ended it for all, and sets no keeper spinning. */
static void body_shutdown(void)
{
	int fd = made(PID | KILL);
	pid_t pid = lived_in(fd);

	require_equal(0, shutdown(fd, SHUT_WR));
	require_exits(pid, -1);
	close(fd);
}

static void test_shutdown(void **state)
{
	(void)state;
	as_user(body_shutdown);
}

static void cgroups_below(int dir, int depth)
{
	int below;

	if (!depth)
		return;
	require_equal(0, mkdirat(dir, "a", 0755));
	require_equal(0, mkdirat(dir, "b", 0755));
	/* that has one, too */
	require_equal(0, mkdirat(dir, "b/c", 0755));
	below = openat(dir, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(below >= 0);
	cgroups_below(below, depth - 1);
	close(below);
}

/* However deep they are in which it hides: its cgroup goes, and so does the keeper. */
static void body_deep(void)
{
	pid_t pid;
	int fd;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	cgroups_below(upcall_container_cgroup(fd), 40);
	pid = lived_in(fd);
	close(fd);
	require_exits(pid, -1);
}

static void test_deep(void **state)
{
	(void)state;
	as_user(body_deep);
}

/* Who has the creator's uid in it takes the keeper's files from it: it has opened them. */
static void body_kill_denied(void)
{
	int fd, dir;
	pid_t pid;

	if (!have_cgroup())
		return;
	fd = upcall_container_create("test", KILL | CLOSED, NULL);
	require(fd >= 0);
	pid = lived_in(fd);
	dir = upcall_container_cgroup(fd);
	require_equal(0, fchmodat(dir, "cgroup.kill", 0, 0));
	require_equal(0, fchmodat(dir, "cgroup.events", 0, 0));
	close(dir);
	close(fd);
	require_exits(pid, -1);
}

static void test_kill_denied(void **state)
{
	(void)state;
	as_user(body_kill_denied);
}

/* A first process would be frozen before it is one, and its caller with it. */
static void body_fork_frozen(void)
{
	pid_t pid;
	int fd;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	require_equal(0, upcall_container_freeze(fd, SOON));
	require_equal(-EBUSY, upcall_container_fork(fd));
	require_equal(0, upcall_container_thaw(fd, SOON));
	pid = lived_in(fd);
	close(fd);
	require_exits(pid, -1);
}

static void test_fork_frozen(void **state)
{
	(void)state;
	as_user(body_fork_frozen);
}

/* However few fds are left, a fork that fails leaves nobody to be waited for. */
static void body_few_fds(void)
{
	int fd = made(PID | KILL), used = dup(0);
	struct rlimit all, few;
	pid_t pid = -1;

	close(used);
	require_equal(0, getrlimit(RLIMIT_NOFILE, &all));
	few = all;
	for (int more = 0; pid < 0; more++) {
		require(more < 40);
		few.rlim_cur = (rlim_t)(used + more);
		require_equal(0, setrlimit(RLIMIT_NOFILE, &few));
		pid = upcall_container_fork(fd);
		if (!pid)
			_exit(0);
		require_equal(0, setrlimit(RLIMIT_NOFILE, &all));
		if (pid > 0)
			break;
		/* whoever is about to end: and the keeper, a child of ours here, lives */
		usleep(50000);
		require_equal(0, waitpid(-1, NULL, WNOHANG));
	}
	require_exits(pid, 0);
	close(fd);
}

static void test_few_fds(void **state)
{
	(void)state;
	as_root(body_few_fds);
}

static void test_few_fds_user(void **state)
{
	(void)state;
	as_user_without_cgroup(body_few_fds);
}

/* With what the kernel says of who answers. */
static pid_t keeper_of(int fd)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_INFO };
	const int on = 1;
	int ends[2], fds[KEEPER_FDS];
	struct keeper_answer answer;
	struct packet packet = { &answer, sizeof(answer), fds, KEEPER_FDS };
	struct pollfd poller = { .events = POLLIN };

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	require_equal(0, setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	require_equal(0, packet_send(fd, &request, sizeof(request), &ends[1], 1));
	poller.fd = ends[0];
	require_equal(1, poll(&poller, 1, SOON / 2));
	require_equal(0, packet_receive_now(ends[0], &packet));
	packet_close_fds(fds, packet.count);
	packet_close_fds(ends, 2);
	return packet.sender;
}

/* ms of a processor that somebody has had. */
static long long processor_ms(pid_t pid)
{
	struct timespec time;
	clockid_t clock;

	require_equal(0, clock_getcpuclockid(pid, &clock));
	require_equal(0, clock_gettime(clock, &time));
	return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A keeper has room for what it does: else there is none, or it does nothing for a while. */
static void body_keeper_few_fds(void)
{
	struct rlimit all, few;
	long long before;
	pid_t keeper;
	int fd;

	require_equal(0, getrlimit(RLIMIT_NOFILE, &all));
	few = (struct rlimit){ 63, all.rlim_max };
	require_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	require_equal(-EMFILE, upcall_container_create("test", PID | KILL | USER, NULL));
	few.rlim_cur = 64;
	require_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	fd = made(PID | KILL);
	keeper = keeper_of(fd);
	require(keeper > 0);
	few.rlim_cur = 4;
	require_equal(0, prlimit(keeper, RLIMIT_NOFILE, &few, NULL));
	/* it has begun to wait before that */
	require(upcall_container_root(fd) < 0);
	before = processor_ms(keeper);
	sleep(1);
	require(processor_ms(keeper) - before < 100);
	require_equal(0, prlimit(keeper, RLIMIT_NOFILE, &all, NULL));
	require(upcall_container_root(fd) >= 0);
	close(fd);
}

static void test_keeper_few_fds(void **state)
{
	(void)state;
	as_user(body_keeper_few_fds);
}

/* A file system of the container whose owner does not answer: who asks waits, the keeper does not. */
static void body_fuse(void)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), fd, root, tree, other;
	pid_t pid, asker;
	char options[128];

	if (fuse < 0)
		return;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	require_equal(0, unshare(CLONE_NEWNS));
	require_equal(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	require_equal(0, mount("fuse", "/mnt", "fuse", 0, options));
	tree = open_tree(AT_FDCWD, "/mnt", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	other = open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	fd = made(EMPTY | PID | KILL);
	root = upcall_container_root(fd);
	mkdir_in(root, "fuse");
	mkdir_in(root, "proc");
	require_equal(0, upcall_container_move_mount(fd, tree, "/fuse"));
	pid = lived_in(fd);
	asker = fork();
	if (!asker) {
		(void)upcall_container_move_mount(fd, tree, "/fuse/below");
		_exit(0);
	}
	/* not before that one waits */
	require_equal(0, waitpid(asker, NULL, WNOHANG));
	usleep(100000);
	require(upcall_container_root(fd) >= 0);
	require_equal(0, upcall_container_move_mount(fd, other, "/proc"));
	require_equal(0, faccessat(upcall_container_root(fd), "proc/self", F_OK, 0));
	kill(asker, SIGKILL);
	require_exits(asker, -1);
	close(fd);
	require_exits(pid, -1);
	close(fuse);
}

static void test_fuse(void **state)
{
	(void)state;
	as_root(body_fuse);
}

/* Behind an fd that looks like a container's, or whose keeper is stopped, is nobody who answers. */
static void body_no_answer(void)
{
	char junk[1000] = "junk";
	int ends[2], full[2];
	pid_t pid;

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, full));
	while (send(full[0], junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	pid = fork();
	if (!pid)
		_exit(upcall_container_root(full[0]) == -ETIMEDOUT ? 0 : 1);
	require_equal(-ETIMEDOUT, upcall_container_wait(ends[0], -1));
	require_exits(pid, 0);
}

static void test_no_answer(void **state)
{
	(void)state;
	as_user(body_no_answer);
}

/* As a keeper that lies: what it gives for a fork leads nowhere, but to a socket of its choice. */
static _Noreturn void lie(int container, int socket)
{
	for (;;) {
		const struct keeper_answer answer = { 0 };
		struct keeper_request request;
		int conversation = -1;
		size_t count = 1;

		if (packet_receive(container, &request, sizeof(request), &conversation, &count) < 0)
			_exit(0);
		(void)packet_send(conversation, &answer, sizeof(answer), &socket, 1);
		close(conversation);
	}
}

static void fill(int socket)
{
	static const char junk[1000] = "junk";

	while (send(socket, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	require_equal(EAGAIN, errno);
}

/* Whom a keeper that lies gives a full socket does not wait there for ever, with signals blocked. */
static void require_fork_fails(int expected, int type)
{
	int container[2], full[2];
	struct pollfd poller = { .events = POLLIN };
	pid_t liar, caller;

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, container));
	require(!socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, full));
	fill(full[0]);
	liar = fork();
	if (!liar)
		lie(container[1], full[0]);
	close(container[1]);
	caller = fork();
	if (!caller)
		_exit(-upcall_container_fork(container[0]));
	poller.fd = pidfd_open(caller, 0);
	if (!poll(&poller, 1, SOON / 2))
		require_equal(0, kill(caller, SIGKILL));
	require_exits(caller, -expected);
	close(container[0]);
	require_equal(0, kill(liar, SIGKILL));
	require_exits(liar, -1);
}

static void body_fork_lied(void)
{
	require_fork_fails(-ETIMEDOUT, SOCK_SEQPACKET);
	require_fork_fails(-EBADMSG, SOCK_STREAM);
}

static void test_fork_lied(void **state)
{
	(void)state;
	as_user(body_fork_lied);
}

static int fork_holder[2]; /* a pipe; 0: none is wanted */

/* As another thread that forks just now: its child has all fds of the fork. Then we are killed. */
static void fork_and_die(void)
{
	pid_t pid;

	if (!fork_holder[1])
		return;
	pid = _Fork();
	if (!pid) {
		sleep(3);
		_exit(0);
	}
	require_equal(sizeof(pid), write(fork_holder[1], &pid, sizeof(pid)));
	raise(SIGKILL);
}

/* The intermediate process sees that the caller is gone, whoever else has the channel. */
static void body_caller_dies(void)
{
	int fd = made(PID | KILL);
	pid_t pid, holder, first;

	require(!pipe2(fork_holder, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		require(!pthread_atfork(NULL, fork_and_die, NULL));
		(void)upcall_container_fork(fd);
		_exit(0);
	}
	require_exits(pid, -1);
	require_equal(sizeof(holder), read(fork_holder[0], &holder, sizeof(holder)));
	first = waitpid(-1, NULL, 0);
	require(first > 0 && first != holder);
	close(fd);
}

static void test_caller_dies(void **state)
{
	(void)state;
	as_user(body_caller_dies);
}

/* From now on nobody of us ends by exit_group(2): it waits for an answer that does not come. */
static void exits_hang(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	require_equal(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	require(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			&program) >= 0);
}

/* The intermediate process is stopped when all that it does is end: nobody waits for that. */
static void body_intermediate_stopped(void)
{
	struct pollfd poller = { .events = POLLIN };
	int fd = made(PID | KILL), told[2];
	pid_t caller, first;

	require(!pipe2(told, O_CLOEXEC));
	poller.fd = told[0];
	caller = fork();
	if (!caller) {
		exits_hang();
		first = upcall_container_fork(fd);
		if (first)
			(void)!write(told[1], &first, sizeof(first));
		for (;;)
			pause();
	}
	/* ends before the test is given up */
	require_equal(1, poll(&poller, 1, SOON / 2));
	require_equal(sizeof(first), read(told[0], &first, sizeof(first)));
	require(first > 0 || (errno = -first, false));
	require_equal(0, kill(caller, SIGKILL));
	require_exits(caller, -1);
	close(fd);
	require_exits(first, -1);
}

static void test_intermediate_stopped(void **state)
{
	(void)state;
	as_user(body_intermediate_stopped);
}

/* Who hides where it is not looked is not left out without a word. */
static void body_members_deep(void)
{
	struct upcall_member **members;
	int fd, dir;
	pid_t pid;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	dir = upcall_container_cgroup(fd);
	pid = lived_in(fd);
	cgroups_below(dir, 30);
	require_equal(0, upcall_container_members(fd, &members));
	require(members[0]->pid == pid && !members[1]);
	upcall_members_free(members);
	require_equal(0, mkdirat(dir, "deep", 0755));
	dir = openat(dir, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cgroups_below(dir, 40);
	require_equal(-ELOOP, upcall_container_members(fd, &members));
	close(fd);
	require_exits(pid, -1);
}

static void test_members_deep(void **state)
{
	(void)state;
	as_user(body_members_deep);
}

/* As many fds as the kernel sends at once: none of them is ours, nor is what lies behind ours. */
static void body_many_fds(void)
{
	static const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_INFO };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * 253)];
	} control = { 0 };
	struct iovec vector = { (void *)&request, sizeof(request) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control };
	int fd = made(PID | KILL), some[253];

	for (size_t i = 0; i < 253; i++)
		some[i] = fd;
	for (size_t count = 1; count <= 253; count++) {
		int root;

		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.header), some, sizeof(int) * count);
		require_equal(sizeof(request), sendmsg(fd, &message, MSG_NOSIGNAL));
		/* it has had them, and lives */
		root = upcall_container_root(fd);
		require(root >= 0 || (errno = -root, false));
		close(root);
	}
	close(fd);
}

static void test_many_fds(void **state)
{
	(void)state;
	as_user(body_many_fds);
}

/* Who has the kernel send pidfds of himself along leaves none of them with the keeper. */
static void body_pidfds_along(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	struct rlimit all, few;
	const int on = 1;
	int fd;

	require_equal(0, getrlimit(RLIMIT_NOFILE, &all));
	few = (struct rlimit){ 64, all.rlim_max };
	/* the keeper's, too */
	require_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	fd = made(PID | KILL);
	for (int i = 0; i < 80; i++) {
		struct keeper_reply reply;
		int ends[2];

		require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
		/* before Linux 6.5 there are none */
		if (setsockopt(ends[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) < 0)
			break;
		require_equal(0, packet_send(fd, &request, sizeof(request), &ends[1], 1));
		require_equal(0, keeper_ask_next(ends[0], &reply));
		keeper_reply_clean(&reply);
		require_equal(0, packet_send(ends[0], &request, sizeof(request), NULL, 0));
		close(ends[0]);
		close(ends[1]);
		while (upcall_container_keyring(fd) == -EBUSY)
			;
	}
	close(fd);
}

static void test_pidfds_along(void **state)
{
	(void)state;
	as_user(body_pidfds_along);
}

/* Who has the fd, but no right over a cgroup, does not have the keeper freeze and kill in it. */
static void body_cgroup_without_right(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_CGROUP };
	int fd, other, dir, procs;
	pid_t pid;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	other = made(PID | KILL);
	dir = upcall_container_cgroup(other);
	procs = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	require(dir >= 0 && procs >= 0);
	pid = fork();
	if (!pid) {
		/* what else he may say to the keeper */
		const int others[] = { procs, dir, open("/dev/null", O_WRONLY | O_CLOEXEC) };
		struct keeper_reply reply;

		require_equal(0, setresuid(USER_ID, USER_ID, USER_ID));
		require_equal(-EACCES, upcall_container_set_cgroup(fd, dir));
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			for (size_t count = 0; count <= 2; count++) {
				const int arguments[] = { dir, others[i] };
				int conversation = keeper_ask_open(fd, &request, arguments, count);

				require(keeper_ask_next(conversation, &reply) < 0);
				close(conversation);
			}
		_exit(0);
	}
	require_exits(pid, 0);
	close(fd);
	close(other);
}

static void test_cgroup_without_right(void **state)
{
	(void)state;
	as_root(body_cgroup_without_right);
}

/* fork(), with a pid that was another's; 0: with any. */
static pid_t clone_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = pid ? (uintptr_t)&pid : 0,
		.set_tid_size = pid ? 1 : 0,
	};
	pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	require(child >= 0);
	return child;
}

/* Who reported as the first process, and is gone, is not a stranger who has its pid now. */
static void body_stranger_of_same_pid(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	int fd, conversation, pidfd, dir;
	struct keeper_reply reply;
	pid_t pid, stranger;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	conversation = fork_asked(fd, &reply);
	keeper_reply_clean(&reply);
	pid = clone_as(0);
	if (!pid)
		_exit(packet_send(conversation, &request, sizeof(request), NULL, 0) ? 1 : 0);
	require_exits(pid, 0);
	stranger = clone_as(pid);
	if (!stranger)
		stay();
	/* the last of what is looked at */
	dir = upcall_container_cgroup(fd);
	procs_write(dir, stranger);
	pidfd = pidfd_open(stranger, 0);
	(void)packet_send(conversation, &request, sizeof(request), &pidfd, 1);
	require(keeper_ask_next(conversation, &reply) < 0);
	require_equal(-ECHILD, upcall_container_pidfd(fd));
	require_equal(0, pidfd_send_signal(pidfd, SIGTERM, NULL, 0));
	require_exits(stranger, -1);
	close(conversation);
	close(fd);
}

static void test_stranger_of_same_pid(void **state)
{
	(void)state;
	as_root(body_stranger_of_same_pid);
}

/* Where the caller's children are in another pid namespace, he gets the pid that he can wait for. */
static void body_other_pids(void)
{
	int fd = made(KILL | (have_cgroup() ? 0 : PID));
	pid_t init, pid;

	require_equal(0, unshare(CLONE_NEWPID));
	init = fork();
	if (!init)
		stay();
	pid = upcall_container_fork(fd);
	require(pid >= 0 || (errno = -pid, false));
	if (!pid)
		_exit(9);
	require_exits(pid, 9);
	require_equal(0, kill(init, SIGKILL));
	require_exits(init, -1);
	close(fd);
}

static void test_other_pids(void **state)
{
	(void)state;
	as_root(body_other_pids);
}

/* A page that whoever touches it waits for, for ever. NULL: the kernel has none, or not for us. */
static void *stuck_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	int fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	range.range = (struct uffdio_range){ (uintptr_t)page, size };
	if (fault < 0 || page == MAP_FAILED || ioctl(fault, UFFDIO_API, &api) < 0 ||
	    ioctl(fault, UFFDIO_REGISTER, &range) < 0)
		return NULL;
	return page;
}

/* Somebody who is stuck in a call of a socket, and has it locked. */
static pid_t stuck_in(int socket, bool receives)
{
	pid_t pid = fork();
	void *page;

	if (pid)
		return pid;
	page = stuck_page();
	if (!page)
		_exit(0);
	if (receives)
		(void)recv(socket, page, 1, 0);
	else
		(void)send(socket, page, 1, 0);
	_exit(1);
}

/* False: it is gone, as the kernel has no such pages, or does not say where it is. */
static bool is_stuck(pid_t pid)
{
	char path[64], text[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	for (int i = 0; i < 1000; i++) {
		if (waitpid(pid, NULL, WNOHANG))
			return false;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (n > 0 && (text[n] = '\0', strstr(text, "userfault")))
			return true;
		usleep(10000);
	}
	require_equal(0, kill(pid, SIGKILL));
	return false;
}

/* Who is stuck in the socket that he gave the keeper does not have it stuck there, too. */
static void body_stuck_receiver(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	int fd = made(PID | KILL), ends[2], root;
	struct keeper_reply reply;
	pid_t pid;

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	require_equal(0, packet_send(ends[0], &request, sizeof(request), NULL, 0));
	pid = stuck_in(ends[1], true);
	if (!is_stuck(pid)) {
		close(fd);
		return;
	}
	require_equal(0, packet_send(fd, &request, sizeof(request), &ends[1], 1));
	require_equal(0, keeper_ask_next(ends[0], &reply));
	require_equal(0, packet_send(ends[0], &request, sizeof(request), NULL, 0));
	root = upcall_container_root(fd);
	require(root >= 0 || (errno = -root, false));
	require_equal(0, kill(pid, SIGKILL));
	close(fd);
}

static void test_stuck_receiver(void **state)
{
	(void)state;
	as_root(body_stuck_receiver);
}

static void body_stuck_sender(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_INFO };
	int fd = made(PID | KILL), listener, tcp, root;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t size = sizeof(address);
	pid_t pid;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require_equal(0, listen(listener, 1));
	require_equal(0, getsockname(listener, (struct sockaddr *)&address, &size));
	require_equal(0, connect(tcp, (struct sockaddr *)&address, size));
	pid = stuck_in(tcp, false);
	if (!is_stuck(pid)) {
		close(fd);
		return;
	}
	require_equal(0, packet_send(fd, &request, sizeof(request), &tcp, 1));
	root = upcall_container_root(fd);
	require(root >= 0 || (errno = -root, false));
	require_equal(0, kill(pid, SIGKILL));
	close(fd);
}

static void test_stuck_sender(void **state)
{
	(void)state;
	as_root(body_stuck_sender);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_cloexec),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_namespaces_user),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_first_user),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_closed_meanwhile),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_kill_user),
		cmocka_unit_test(test_kill_cgroup),
		cmocka_unit_test(test_kill_cgroup_user),
		cmocka_unit_test(test_no_cgroup),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_live_on),
		cmocka_unit_test(test_passed),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_build_user),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_fsopen_cgroup),
		cmocka_unit_test(test_no_mounts),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_socket_user),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_ranges_user),
		cmocka_unit_test(test_ranges_without_root),
		cmocka_unit_test(test_ranges_one_kind),
		cmocka_unit_test(test_set_namespace),
		cmocka_unit_test(test_set_pid_namespace),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_cgroup_user),
		cmocka_unit_test(test_cgroup_of_others),
		cmocka_unit_test(test_cgroup_threaded),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_wait_moved),
		cmocka_unit_test(test_wait_removed),
		cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_keyring_user),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_reaped),
		cmocka_unit_test(test_fds),
		cmocka_unit_test(test_shared_clone),
		cmocka_unit_test(test_set_creators_namespace),
		cmocka_unit_test(test_set_foreign_mounts),
		cmocka_unit_test(test_set_user_namespace),
		cmocka_unit_test(test_fork_gives_no_right),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_stranger_user),
		cmocka_unit_test(test_session_keyring),
		cmocka_unit_test(test_session_keyring_user),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_user),
		cmocka_unit_test(test_own_fd),
		cmocka_unit_test(test_root_is_no_default),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_fork_left),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_kill_denied),
		cmocka_unit_test(test_fork_frozen),
		cmocka_unit_test(test_few_fds),
		cmocka_unit_test(test_few_fds_user),
		cmocka_unit_test(test_keeper_few_fds),
		cmocka_unit_test(test_fuse),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_fork_lied),
		cmocka_unit_test(test_caller_dies),
		cmocka_unit_test(test_intermediate_stopped),
		cmocka_unit_test(test_members_deep),
		cmocka_unit_test(test_many_fds),
		cmocka_unit_test(test_pidfds_along),
		cmocka_unit_test(test_cgroup_without_right),
		cmocka_unit_test(test_stranger_of_same_pid),
		cmocka_unit_test(test_other_pids),
		cmocka_unit_test(test_stuck_receiver),
		cmocka_unit_test(test_stuck_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
