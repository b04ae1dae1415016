// SPDX-License-Identifier: GPL-2.0-or-later
/* Handlers that answer for a key, whose answer the worker reads. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enter-fixture.h"
#include "guard.h"

static struct worker_result answer_serve_with(const char *text, bool filter)
{
	struct worker_request request = answer_request_of(text);

	request.filter = filter;
	return request_serve(&request);
}

static struct worker_result answer_serve(const char *text)
{
	return answer_serve_with(text, /* filter= */ false);
}

static void test_answer(void **state)
{
	struct worker_result result;

	(void)state;
	require_root();
	answer_info_set("dns_resolver", "server.example");
	result = answer_serve("tr '\\0' '\\n' </proc/self/environ >environ; echo $#$* >arg;"
			      "ls /proc/self/fd >fds; echo ttl=42; echo 192.0.2.1,192.0.2.2;"
			      "sleep 100 &");
	assert_int_equal(result.error, 0);
	assert_int_equal(result.outcome, WORKER_SERVED);
	assert_int_equal(fake->attached, 1);
	assert_int_equal(fake->instantiated, 1);
	assert_int_equal(fake->completed, 0);
	assert_int_equal(fake->timeout, 42);
	assert_string_equal(fake->payload, "192.0.2.1");
	assert_string_equal(output("arg"), "0\n"); /* it could look like an option */
	assert_string_equal(output("environ"), "UPCALL_KEY_TYPE=dns_resolver\n"
					       "UPCALL_KEY_DESCRIPTION=server.example\n");
	assert_string_equal(output("fds"), "0\n1\n2\n3\n");
	assert_nothing_left();
}

/* Docker's filter has no keyctl(2): who runs under it keeps the keyring that is revoked. */
static void test_keys_forbidden(void **state)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

	(void)state;
	require_root();
	answer_info_set("dns_resolver", "server.example");
	fake->keys_error = EPERM;
	assert_int_equal(answer_serve("echo 192.0.2.1").step, WORKER_STEP_LIMITS);
	require_root();
	answer_info_set("dns_resolver", "server.example");
	fake->keys_error = EPERM;
	request_filter_fd = memfd_create("filter", MFD_CLOEXEC);
	assert_int_equal(write(request_filter_fd, &allow, sizeof(allow)), sizeof(allow));
	assert_int_equal(answer_serve_with("echo 192.0.2.1", /* filter= */ true).outcome,
			 WORKER_SERVED);
	assert_string_equal(fake->payload, "192.0.2.1");
	close(request_filter_fd);
}

/* Others have used up the quota of keys: of our uid, then of the container's. */
static void test_keys_used_up(void **state)
{
	(void)state;
	require_root();
	assert_int_equal(guard_process(), 0);
	assert_true(fake->session_revoked);
	fake->keys_error = EDQUOT;
	assert_int_equal(guard_process(), 0);
	/* one that is alive is somebody's */
	fake->session_revoked = false;
	assert_int_equal(guard_process(), -EDQUOT);
	fake->keys_error = ENOMEM;
	assert_int_equal(guard_process(), -ENOMEM);

	answer_info_set("dns_resolver", "server.example");
	assert_int_equal(answer_serve("echo 192.0.2.1").step, WORKER_STEP_LIMITS);
	fake->keys_error = EDQUOT;
	assert_int_equal(answer_serve("echo 192.0.2.1").outcome, WORKER_SERVED);
	assert_nothing_left();
}

static void test_answer_bad(void **state)
{
	static const struct {
		const char *desc, *text;
		enum worker_outcome outcome;
	} cases[] = {
		{ "not an address", "echo localhost", WORKER_BAD_ANSWER },
		{ "nothing", "true", WORKER_BAD_ANSWER },
		{ "too much", "head -c 100000 /dev/zero", WORKER_BAD_ANSWER },
		{ "failed after printing", "echo 192.0.2.1; exit 2", WORKER_HANDLER_FAILED },
		{ "killed after printing", "echo 192.0.2.1; kill -9 $$", WORKER_HANDLER_KILLED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct worker_result result;

		require_root();
		answer_info_set("dns_resolver", "server.example");
		result = answer_serve(cases[i].text);
		if (result.outcome != cases[i].outcome)
			fail_msg("%s: outcome %u, step %u, error %d", cases[i].desc, result.outcome,
				 result.step, result.error);
		assert_int_equal(fake->attached, 0);
		assert_int_equal(fake->completed, 1);
		assert_int_equal(fake->complete_error, ENOKEY);
		assert_nothing_left();
	}
}

static void test_answer_timeout(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	answer_info_set("dns_resolver", "server.example");
	request = answer_request_of("echo 192.0.2.1; sleep 100");
	request.run_ms = 300;
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_HANDLER_TIMEOUT);
	assert_int_equal(fake->attached, 0);
	assert_int_equal(fake->complete_error, ETIMEDOUT);
	assert_nothing_left();
}

static void test_answer_each_step(void **state)
{
	(void)state;
	for (int step = WORKER_STEP_REQUEST; step <= WORKER_STEP_INSTANTIATE; step++) {
		struct worker_result result;

		if (step == WORKER_STEP_ATTACH) /* not of the table here */
			continue;
		require_root();
		answer_info_set("dns_resolver", "server.example");
		fault_step = (enum worker_step)step;
		result = answer_serve("echo 192.0.2.1");
		if (result.outcome == WORKER_SERVED || (int)result.step != step)
			fail_msg("step %d: outcome %u, step %u, error %d", step, result.outcome,
				 result.step, result.error);
		assert_int_equal(fake->instantiated, 0);
		/* one ending, whoever had it */
		assert_int_equal(fake->completed + fake->attached, 1);
		assert_nothing_left();
	}
}

static void test_dns(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	answer_info_set("dns_resolver", "a:192.0.2.7"); /* a minimal root has no hosts file */
	request = request_of(WORKER_ANSWER_DNS);
	result = request_serve(&request);
	assert_int_equal(result.error, 0);
	assert_int_equal(result.outcome, WORKER_SERVED);
	assert_string_equal(fake->payload, "192.0.2.7");
	assert_nothing_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_keys_used_up),
		cmocka_unit_test(test_keys_forbidden),
		cmocka_unit_test(test_answer_bad),
		cmocka_unit_test(test_answer_timeout),
		cmocka_unit_test(test_answer_each_step),
		cmocka_unit_test(test_dns),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
