// SPDX-License-Identifier: GPL-2.0-or-later
/* What nobody gains by a container: who asks, who is in it, who has a copy of its fd. */
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "container-fixture.h"
#include "keeper-ask.h"
#include "libupcall-proposal.h"
#include "packet.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared_clone),
		cmocka_unit_test(test_set_creators_namespace),
		cmocka_unit_test(test_set_foreign_mounts),
		cmocka_unit_test(test_set_user_namespace),
		cmocka_unit_test(test_fork_gives_no_right),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_stranger_user),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_user),
		cmocka_unit_test(test_own_fd),
		cmocka_unit_test(test_root_is_no_default),
		cmocka_unit_test(test_kill_denied),
		cmocka_unit_test(test_cgroup_without_right),
		cmocka_unit_test(test_stranger_of_same_pid),
		cmocka_unit_test(test_other_pids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
