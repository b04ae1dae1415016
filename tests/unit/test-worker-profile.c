// SPDX-License-Identifier: GPL-2.0-or-later
/* A container's own seccomp filter: its programs run under it, and nothing runs without. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "enter-fixture.h"

/* Refuses that call, by name, and with what; all else is allowed. */
static void filter_refuses(const char *call, uint32_t action)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);

	assert_non_null(context);
	assert_int_equal(seccomp_rule_add(context, action, seccomp_syscall_resolve_name(call), 0),
			 0);
	close(request_filter_fd);
	request_filter_fd = memfd_create("filter", MFD_CLOEXEC);
	assert_true(request_filter_fd >= 0);
	assert_int_equal(seccomp_export_bpf(context, request_filter_fd), 0);
	seccomp_release(context);
}

static struct worker_request filtered_request(enum worker_handler handler)
{
	struct worker_request request = request_of(handler);

	request.filter = 1;
	return request;
}

static struct worker_request request_that_sees(void)
{
	require_root();
	info_set(UPCALL_CLASS_KEY, "cat /proc/self/status >status; mkdir made 2>refused; true");
	return filtered_request(WORKER_BECOME);
}

static void assert_runs_under(const struct worker_request *request, const char *privileges)
{
	struct worker_result result = request_serve(request);
	char *status;

	assert_int_equal(result.step, WORKER_STEP_NONE);
	assert_int_equal(result.outcome, WORKER_SERVED);
	status = output("status");
	assert_non_null(status);
	assert_line(status, "Seccomp:\t2\n");
	assert_line(status, privileges);
	assert_non_null(strstr(output("refused"), strerror(ENOMSG)));
}

/* With and without the one thing that lets anybody apply a filter. */
static void test_runs_under_it(void **state)
{
	struct worker_request request;

	(void)state;
	filter_refuses("mkdir", SCMP_ACT_ERRNO(ENOMSG));
	request = request_that_sees();
	assert_runs_under(&request, "NoNewPrivs:\t0\n");
	request = request_that_sees();
	fake->no_new_privs = true;
	assert_runs_under(&request, "NoNewPrivs:\t1\n");
}

/* That the leader has a filter is no obstacle where it is known. */
static void test_leader_has_one(void **state)
{
	struct worker_request request;

	(void)state;
	filter_refuses("mkdir", SCMP_ACT_ERRNO(ENOMSG));
	request = request_that_sees();
	fake->filtered = true;
	assert_runs_under(&request, "NoNewPrivs:\t0\n");
}

/* What gives the host's powers away is under it, too: refused is not done, and then nothing runs. */
static void test_refuses_the_worker(void **state)
{
	static const struct {
		const char *call;
		enum worker_step step;
	} cases[] = {
		{ "setresgid", WORKER_STEP_IDS },   { "setresuid", WORKER_STEP_IDS },
		{ "getresuid", WORKER_STEP_IDS },   { "setsid", WORKER_STEP_LIMITS },
		{ "close_range", WORKER_STEP_FDS }, { "fcntl", WORKER_STEP_FDS },
	};
	struct worker_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		filter_refuses(cases[i].call, SCMP_ACT_ERRNO(EPERM));
		request = request_that_sees();
		if (cases[i].step != WORKER_STEP_FDS) {
			assert_refused(&request, cases[i].step, EPERM);
			continue;
		}
		/* the upcall is the child's by then */
		assert_int_equal(request_serve(&request).outcome, WORKER_EXEC_FAILED);
		assert_null(output("status"));
	}
	/* with no_new_privs it comes last */
	filter_refuses("setresuid", SCMP_ACT_ERRNO(EPERM));
	request = request_that_sees();
	fake->no_new_privs = true;
	assert_int_equal(request_serve(&request).outcome, WORKER_SERVED);
	assert_line(output("status"), "Seccomp:\t2\n");
	output("refused");
}

static void test_kills_the_worker(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	filter_refuses("setresuid", SCMP_ACT_KILL_PROCESS);
	request = request_that_sees();
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_int_equal(result.step, WORKER_STEP_FORK);
	assert_int_equal(fake->completed, 1);
	assert_null(output("status"));
}

static void refuse_file(const void *data, size_t size)
{
	struct worker_request request;

	close(request_filter_fd);
	request_filter_fd = memfd_create("filter", MFD_CLOEXEC);
	assert_true(request_filter_fd >= 0);
	assert_int_equal(write(request_filter_fd, data, size), size);
	request = request_that_sees();
	assert_refused(&request, WORKER_STEP_SECCOMP, EBADMSG);
}

static void test_no_filter(void **state)
{
	const struct sock_filter zero = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO);
	const struct sock_filter load = BPF_STMT(BPF_LD | BPF_IMM, 0);

	(void)state;
	refuse_file("", 0);
	refuse_file(&load, sizeof(load) - 1);
	refuse_file(&load, sizeof(load));
	/* a call that seems to have been done */
	refuse_file(&zero, sizeof(zero));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_under_it),	   cmocka_unit_test(test_leader_has_one),
		cmocka_unit_test(test_refuses_the_worker), cmocka_unit_test(test_kills_the_worker),
		cmocka_unit_test(test_no_filter),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
