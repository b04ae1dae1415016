// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the leader is, and whether it is: nobody is led to anywhere else. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enter-fixture.h"

/* What the kernel half says of the leader is an obstacle. */
static void assert_leader_refused(enum worker_step step, int error)
{
	struct worker_request request;

	info_set(UPCALL_CLASS_KEY, "touch ran");
	request = request_of(WORKER_BECOME);
	assert_refused(&request, step, error);
}

static void test_no_usable_id(void **state)
{
	(void)state;
	require_root();
	fake->no_id = true;
	assert_leader_refused(WORKER_STEP_STATUS, EPERM);
	fake_reset();
	fake->overflow_id = true;
	assert_leader_refused(WORKER_STEP_STATUS, EPERM);
}

/* A pidfd of somebody else leads to namespaces that are not the registered ones. */
static void test_pidfd_of_another(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	request_pidfd = getpid();
	result = request_serve(&request);
	request_pidfd = 0;
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_true(result.step == WORKER_STEP_SETNS || result.step == WORKER_STEP_VERIFY);
	assert_int_equal(fake->attached, 0);
	assert_null(output("ran"));
	assert_nothing_left();
}

/* ------------------------------------------------------------------- cgroups */

static void test_cgroup1_elsewhere(void **state)
{
	(void)state;
	require_root();
	fake->cgroup1 = true;
	assert_leader_refused(WORKER_STEP_CGROUP, EOPNOTSUPP);
}

static void leader_move(const char *below)
{
	char path[128], pid[16];

	snprintf(path, sizeof(path), "%s%s/cgroup.procs", container.boundary, below);
	snprintf(pid, sizeof(pid), "%d", container.leader);
	file_put(path, pid);
}

static void assert_served_in(const char *cgroup)
{
	struct worker_request request;
	char *where;

	info_set(UPCALL_CLASS_KEY, "cat /proc/self/cgroup >where");
	request = request_of(WORKER_BECOME);
	assert_int_equal(request_serve(&request).outcome, WORKER_SERVED);
	where = output("where");
	assert_non_null(where);
	assert_line(where, cgroup);
	assert_nothing_left();
}

/* What the worker keeps open of the last upcall is not where the next one goes. */
static void test_leader_moves(void **state)
{
	char path[128], home[64], below[64];

	(void)state;
	require_root();
	snprintf(home, sizeof(home), "/%s/upcall-99\n", container.boundary_name);
	snprintf(below, sizeof(below), "/%s/below/upcall-99\n", container.boundary_name);
	snprintf(path, sizeof(path), "%s/below", container.boundary);
	for (int i = 0; i < 2; i++) {
		assert_served_in(home);
		assert_int_equal(mkdir(path, 0755), 0);
		leader_move("/below");
		assert_served_in(below);
		assert_served_in(below);
		leader_move("");
		/* and made anew in the next turn, it is another one of that name */
		assert_int_equal(rmdir(path), 0);
	}
}

/* A boundary that the leader is not in is no boundary of its container. */
static void test_leader_elsewhere(void **state)
{
	struct worker_request request;
	struct stat status;
	char path[128];

	(void)state;
	require_root();
	snprintf(path, sizeof(path), "%s/below", container.boundary);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(stat(path, &status), 0);
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	snprintf(request.cgroup, sizeof(request.cgroup), "%s/below", container.boundary_name);
	request.cgroup_id = status.st_ino;
	assert_refused(&request, WORKER_STEP_CGROUP, EKEYREJECTED);
	assert_int_equal(rmdir(path), 0);
}

/* Writing asks for it; it is done a moment later. */
static void frozen_await(void)
{
	int64_t limit = loop_now_ms() + 20000;
	char path[128], text[128];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.events", container.boundary);
	do {
		assert_true(loop_now_ms() < limit);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		size = read(fd, text, sizeof(text) - 1);
		assert_true(size > 0);
		text[size] = '\0';
		close(fd);
	} while (!strstr(text, "frozen 1"));
}

static void test_frozen(void **state)
{
	struct worker_request request;
	char path[128];

	(void)state;
	require_root();
	snprintf(path, sizeof(path), "%s/cgroup.freeze", container.boundary);
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	file_put(path, "1");
	frozen_await();
	assert_refused(&request, WORKER_STEP_CGROUP, EBUSY);
	file_put(path, "0");
}

/* --------------------------------------------------------------------- death */

static void test_leader_dead(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	kill(container.leader, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)container.leader, NULL, WEXITED | WNOWAIT), 0);
	/* a zombie: it has the pid still, and no namespaces any more */
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_null(output("ran"));
	waitpid(container.leader, NULL, 0);
	leader_start();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leader_moves),	 cmocka_unit_test(test_no_usable_id),
		cmocka_unit_test(test_pidfd_of_another), cmocka_unit_test(test_cgroup1_elsewhere),
		cmocka_unit_test(test_leader_elsewhere), cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_leader_dead),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
