// SPDX-License-Identifier: GPL-2.0-or-later
/* Namespaces, cgroups and keyrings that a container is given, and its end. */
#include <linux/keyctl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "cgroup-events.h"
#include "container-fixture.h"
#include "libupcall-proposal.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(test_session_keyring),
		cmocka_unit_test(test_session_keyring_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
