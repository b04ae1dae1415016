// SPDX-License-Identifier: GPL-2.0-or-later
/* What a handler becomes inside, and how it ends. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enter-fixture.h"
#include "report.h"
#include "request-life.h"

/* ---------------------------------------------------------------- what it is */

/* Root inside is nobody's root outside. */
static void assert_owner(const char *name)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", container.out, name);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, ID_FIRST);
	assert_int_equal(status.st_gid, ID_FIRST);
}

static const char *own_oom_score(void)
{
	static char text[2][16];
	static int turn;
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	ssize_t size;

	assert_true(fd >= 0);
	turn = !turn;
	size = read(fd, text[turn], sizeof(text[turn]) - 1);
	close(fd);
	assert_true(size > 0);
	text[turn][size] = '\0';
	return text[turn];
}

static void test_become(void **state)
{
	const char *before = own_oom_score();
	struct worker_request request;
	struct worker_result result;
	char expected[128], *status;

	(void)state;
	require_user_namespaces();
	info_set(UPCALL_CLASS_KEY,
		 "cat /proc/self/status >status; pwd -P >cwd; env -i /bin/true;"
		 "cat /proc/self/limits >limits; cat /proc/self/oom_score_adj >oom;"
		 "ls /proc/self/fd >fds; tr '\\0' '\\n' </proc/self/environ >environ;"
		 "readlink /proc/self/ns/* >ns; cat /proc/self/stat >stat; umask >umask;"
		 "echo $0 >argv");
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_SERVED);
	assert_int_equal(fake->attached, 1);
	assert_int_equal(fake->completed, 0);
	assert_owner("status");
	status = output("status");
	assert_non_null(status);
	assert_line(status, "Uid:\t0\t0\t0\t0\n");
	assert_line(status, "Gid:\t0\t0\t0\t0\n");
	assert_line(status, "Groups:\t \n");
	assert_line(status, "CapInh:\t0000000000000000\n");
	assert_line(status, "CapAmb:\t0000000000000000\n");
	assert_line(status, "NoNewPrivs:\t0\n");
	assert_line(status, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	assert_string_equal(output("environ"), "A=1\nPATH=/usr/bin:/bin\n");
	assert_string_equal(output("umask"), "0022\n");
	assert_string_equal(output("oom"), "1000\n");
	assert_string_equal(own_oom_score(), before);
	assert_line(output("limits"), "Max core file size        1                    1 ");
	/* 3 is the directory that ls reads */
	assert_string_equal(output("fds"), "0\n1\n2\n3\n");
	assert_string_equal(output("argv"), "sh\n");
	for (int i = 0; i < UPCALL_NS_COUNT; i++) {
		static char ns[1024];

		if (i == 0)
			strcpy(ns, output("ns"));
		snprintf(expected, sizeof(expected), "[%u]\n", request.ns[i]);
		assert_line(ns, expected);
	}
	assert_nothing_left();
	output("cwd");
	output("stat");
}

static void test_bound_leader(void **state)
{
	struct worker_request request;
	struct worker_result result;
	char *status;

	(void)state;
	require_root();
	leader_replace(0, true);
	info_set(UPCALL_CLASS_KEY, "cat /proc/self/status >status");
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	leader_replace(0, false);
	assert_int_equal(result.outcome, WORKER_SERVED);
	status = output("status");
	assert_line(status, "CapBnd:\t0000000000000020\n");
	assert_line(status, "CapPrm:\t0000000000000020\n");
	assert_line(status, "CapEff:\t0000000000000020\n");
	assert_line(status, "NoNewPrivs:\t1\n");
}

/* Where there is no root inside, the leader's ids; never an unmapped one. */
static void test_no_root_inside(void **state)
{
	struct worker_request request;
	struct worker_result result;
	char *status;

	(void)state;
	require_user_namespaces();
	leader_replace(500, false);
	info_set(UPCALL_CLASS_KEY, "cat /proc/self/status >status");
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	leader_replace(0, false);
	assert_int_equal(result.outcome, WORKER_SERVED);
	status = output("status");
	assert_line(status, "Uid:\t500\t500\t500\t500\n");
	assert_line(status, "CapEff:\t0000000000000000\n");
	assert_line(status, "CapPrm:\t0000000000000000\n");
}

static void test_program(void **state)
{
	struct worker_request request;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo $0 >argv");
	request = request_of(WORKER_BECOME);
	strcpy(request.program, "/bin/bash");
	assert_int_equal(request_serve(&request).outcome, WORKER_SERVED);
	assert_string_equal(output("argv"), "/bin/bash\n");
}

static void test_core(void **state)
{
	struct worker_request request;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_CORE, "cat >core");
	fake->core = true;
	request = request_of(WORKER_BECOME);
	assert_int_equal(request_serve(&request).outcome, WORKER_SERVED);
	assert_string_equal(output("core"), "core");
}

static void test_host(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "cat /proc/self/status >status");
	request = request_of(WORKER_BECOME);
	request.run_in = WORKER_RUN_IN_HOST;
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_SERVED);
	assert_line(output("status"), "Uid:\t0\t0\t0\t0\n");
}

/* --------------------------------------------------------------- how it ends */

static void test_endings(void **state)
{
	static const struct {
		const char *desc, *script, *program;
		uint32_t run_ms;
		enum worker_outcome outcome;
		int status;
	} cases[] = {
		{ "exit status", "exit 3", "", 10000, WORKER_HANDLER_FAILED, 3 << 8 },
		{ "signal", "kill -9 $$", "", 10000, WORKER_HANDLER_KILLED, 9 },
		{ "no such program", "", "/nonexistent", 10000, WORKER_EXEC_FAILED, 127 << 8 },
		{ "not executable", "", "/etc/passwd", 10000, WORKER_EXEC_FAILED, 127 << 8 },
		{ "timeout", "sleep 100 & sleep 100", "", 200, WORKER_HANDLER_TIMEOUT, 9 },
		{ "leaves a child", "setsid sleep 100 & exit 0", "", 10000, WORKER_SERVED, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct worker_request request;
		struct worker_result result;

		require_root();
		info_set(UPCALL_CLASS_KEY, cases[i].script);
		request = request_of(WORKER_BECOME);
		request.run_ms = cases[i].run_ms;
		strcpy(request.program, cases[i].program);
		result = request_serve(&request);
		if (result.outcome != cases[i].outcome || result.wait_status != cases[i].status)
			fail_msg("%s: outcome %u, status %d, step %u, error %d", cases[i].desc,
				 result.outcome, result.wait_status, result.step, result.error);
		assert_int_equal(fake->attached, 1);
		assert_int_equal(fake->completed, 0);
		assert_true(result.duration_us < 5000000);
		assert_nothing_left();
	}
}

/* Somebody caught a child of ours, and has its end of the pipe. */
static void test_reports_are_few(void **state)
{
	struct request request = {
		.hands = &hands,
		.wire = { .handler = WORKER_BECOME, .run_ms = 1000 },
		.upcall = WATCH_NULL,
	};
	int report_read, report_write;

	(void)state;
	require_root();
	assert_int_equal(report_open(&report_read, &report_write), 0);
	assert_int_equal(loop_watch(&hands.loop, &request.handler.report, report_read, POLLIN,
				    request_on_handler_report),
			 0);
	assert_int_equal(report_send(report_write, REPORT_ATTACHED, WORKER_STEP_ATTACH, 0), 0);
	request_on_handler_report(&request.handler.report, POLLIN);
	assert_true(request.attached);
	assert_int_not_equal(request.handler.report.fd, -1);
	request.deadline_ms = 1;
	for (int i = 0; i < 100; i++)
		assert_int_equal(report_send(report_write, REPORT_ATTACHED, WORKER_STEP_ATTACH, 0),
				 0);
	request_on_handler_report(&request.handler.report, POLLIN);
	assert_int_equal(request.deadline_ms, 1);
	assert_int_equal(request.handler.report.fd, -1);
	close(report_write);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_become),	       cmocka_unit_test(test_bound_leader),
		cmocka_unit_test(test_no_root_inside), cmocka_unit_test(test_program),
		cmocka_unit_test(test_core),	       cmocka_unit_test(test_host),
		cmocka_unit_test(test_endings),	       cmocka_unit_test(test_reports_are_few),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
