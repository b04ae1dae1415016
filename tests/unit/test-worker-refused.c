// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests that are not what they have to be, and from whom: each is refused, and nothing runs. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enter-fixture.h"
#include "listen.h"
#include "request.h"

#define REFUSED(step, error, change)                     \
	do {                                             \
		struct worker_request request;           \
		require_root();                          \
		info_set(UPCALL_CLASS_KEY, "echo >ran"); \
		request = request_of(WORKER_BECOME);     \
		change;                                  \
		assert_refused(&request, step, error);   \
	} while (0)

static void test_refused(void **state)
{
	(void)state;
	REFUSED(WORKER_STEP_REQUEST, EINVAL, request.run_ms = 0);
	REFUSED(WORKER_STEP_INFO, EKEYREJECTED, fake_info.id = 98);
	REFUSED(WORKER_STEP_INFO, EKEYREJECTED, fake_info.class = UPCALL_CLASS_OTHER);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.leader = (uint32_t)getpid());
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.start_time++);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.container++);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.net_cookie++);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.ns[UPCALL_NS_UTS]++);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.ns[UPCALL_NS_TIME]++);
	REFUSED(WORKER_STEP_CGROUP, EKEYREJECTED, request.cgroup_id++);
	REFUSED(WORKER_STEP_CGROUP, 0, (request.cgroup_id++, strcpy(request.cgroup, "../proc")));
	REFUSED(WORKER_STEP_CGROUP, ENOENT,
		(request.cgroup_id++, strcpy(request.cgroup, "nonexistent")));
	REFUSED(WORKER_STEP_FORK, ENOEXEC, (fake_info.path = (struct tags_text){ "sh", 2 }));
	REFUSED(WORKER_STEP_VERIFY, EKEYREJECTED, fake->wrong_cgroup = true);
	for (int i = 0; i < UPCALL_NS_COUNT; i++)
		if (container.own_ns & 1u << i)
			REFUSED(WORKER_STEP_VERIFY, EKEYREJECTED, fake->wrong_ns = 1u << i);
	REFUSED(WORKER_STEP_ATTACH, EPERM, fake->attach_error = EPERM);
}

static void test_revoked(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	fake->attach_error = ESTALE;
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_GONE);
	assert_null(output("ran"));
}

/* Each request has a result, else upcalld would take us to hang. */
static void test_no_room(void **state)
{
	struct worker_fds fds = WORKER_FDS_NULL;
	struct worker_result result = { 0 };
	struct worker_request request;
	unsigned int watched;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "touch ran");
	request = request_of(WORKER_BECOME);
	watched = hands.loop.count;
	hands.loop.count = WATCH_MAX;
	fds.upcall = eventfd(0, EFD_CLOEXEC);
	fds.pidfd = eventfd(0, EFD_CLOEXEC);
	request_start(&hands, hands.next_connection_id, &request, &fds);
	hands.loop.count = watched;
	assert_int_equal(recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT), sizeof(result));
	assert_int_equal(result.id, 99);
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_int_equal(result.error, ENOSPC);
	assert_int_equal(fake->completed, 1);
	assert_null(hands.requests);
	assert_null(output("ran"));
}

/* --------------------------------------------------------------- connections */

/* A file that somebody else answers for: nothing is asked of it. */
static void test_no_upcall_fd(void **state)
{
	const int fds[] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };
	struct worker_request request;
	int sockets[2];
	char byte;

	(void)state;
	require_root();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(connection_add(&hands, sockets[0]), 0);
	fake->no_upcall = true;
	info_set(UPCALL_CLASS_KEY, "touch ran");
	request = request_of(WORKER_BECOME);
	fds_put(sockets[1], &request, sizeof(request), fds, 2);
	assert_int_equal(loop_run(&hands.loop, loop_now_ms() + 1000), 1);
	assert_int_equal(recv(sockets[1], &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(fake->completed, 0);
	assert_null(hands.requests);
	assert_null(output("ran"));
	close(sockets[1]);
	close(fds[0]);
	close(fds[1]);
}

/* In the leader's pid namespace: connects, and stays until the pipe is closed. */
static void inside_connect(const struct sockaddr_un *address, socklen_t size, int pipe_fd)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char byte;

	if (connect(fd, (const struct sockaddr *)address, size) < 0 || read(pipe_fd, &byte, 1) != 0)
		_exit(1);
	_exit(0);
}

/* Root, but not of the host. */
static void test_peer_inside(void **state)
{
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), pipe_fds[2], fd, status;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);
	pid_t pid;

	(void)state;
	require_root();
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pipe_fds[1]);
		if (setns((int)syscall(SYS_pidfd_open, container.leader, 0), CLONE_NEWPID) < 0)
			_exit(1);
		pid = fork();
		if (pid == 0)
			inside_connect(&address, size, pipe_fds[0]);
		_exit(waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1);
	}
	/* cppcheck-suppress nullPointer ; accept4() needs no address to fill */
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(connection_add(&hands, fd), -EPERM);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(listener);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),	     cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_no_upcall_fd), cmocka_unit_test(test_peer_inside),
		cmocka_unit_test(test_revoked),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
