// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers as objects: made, entered once, and gone with the last copy of their fd. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "container-fixture.h"
#include "libupcall-proposal.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
