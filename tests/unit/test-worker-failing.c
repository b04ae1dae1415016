// SPDX-License-Identifier: GPL-2.0-or-later
/* each step of an entry fails, and each call. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "enter-fixture.h"
#include "failing.h"
#include "listen.h"
#include "request.h"

/* --------------------------------------------------------------------- steps */

/* */
static void each_step(void)
{
	for (int step = WORKER_STEP_REQUEST; step <= WORKER_STEP_EXEC; step++) {
		struct worker_request request;
		struct worker_result result;

		require_root();
		info_set(UPCALL_CLASS_KEY, "echo >ran");
		request = request_of(WORKER_BECOME);
		fault_step = (enum worker_step)step;
		if (step < WORKER_STEP_EXEC) {
			assert_refused(&request, (enum worker_step)step, EIO);
			assert_int_equal(fake->attached, 0);
			continue;
		}
		result = request_serve(&request);
		assert_int_equal(result.outcome, WORKER_EXEC_FAILED);
		assert_null(output("ran"));
	}
}

static void test_each_step(void **state)
{
	(void)state;
	each_step();
}

/* Who enters is a sibling of the child that was forked; everything else is the same. */
static void test_without_user_namespace(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	container_own_user_ns(false);
	leader_replace(0, false);
	info_set(UPCALL_CLASS_KEY, "exit 3");
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_HANDLER_FAILED);
	assert_int_equal(result.wait_status, 3 << 8);
	assert_int_equal(fake->attached, 1);
	assert_int_not_equal(result.handler_pid, 0);
	assert_nothing_left();
	/* its failure may be heard of before its birth: its status is its own all the same */
	for (int i = 0; i < 20; i++) {
		require_root();
		info_set(UPCALL_CLASS_KEY, "");
		request = request_of(WORKER_BECOME);
		strcpy(request.program, "/nonexistent");
		result = request_serve(&request);
		assert_int_equal(result.outcome, WORKER_EXEC_FAILED);
		assert_int_equal(result.wait_status, 127 << 8);
	}
	each_step();
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	fake->wrong_ns = 1u << UPCALL_NS_PID;
	assert_refused(&request, WORKER_STEP_VERIFY, EKEYREJECTED);
	if (container.has_user_ns) {
		container_own_user_ns(true);
		leader_replace(0, false);
	}
}

/* --------------------------------------------------------------------- calls */

/* Has the worker taken what was sent, and nothing of it left? */
static bool is_over(void)
{
	struct pollfd unread = { .fd = hands.connections[0].watch.fd, .events = POLLIN };

	if (!connection_is_any(&hands))
		return true;
	return !hands.requests && poll(&unread, 1, 0) == 0;
}

static void leaf_remove_by_hand(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/upcall-99", container.boundary);
	(void)rmdir(path);
}

/*
 * The number-th call of the worker fails, and that of each child that has not made
 * so many before it was forked. The number of calls that the worker made.
 */
static unsigned long call_fails(unsigned long number)
{
	struct worker_request request;
	struct worker_result result;
	struct pollfd upcall = { .events = POLLIN };
	int64_t limit = loop_now_ms() + 20000;
	int ends[2];

	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	request_put_fd(&request, ends[1]);
	failing_set(number, 0);
	while (!is_over()) {
		if (loop_now_ms() > limit)
			fail_msg("call %lu (%s): no end", number, failing_name());
		failing_arm(true);
		loop_run(&hands.loop, loop_now_ms() + 20);
		request_expire(&hands);
		failing_arm(false);
	}
	(void)!recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT);
	connect_again();
	/* nobody keeps the upcall: if it was not answered, the kernel offers it again */
	upcall.fd = ends[0];
	if (poll(&upcall, 1, 1000) != 1 || !(upcall.revents & POLLHUP))
		fail_msg("call %lu (%s): the upcall is kept", number, failing_name());
	close(ends[0]);
	return failing_count();
}

/* A-56 for the hands: whatever fails, the handler has run, or the requester was told that it did
 * not. */
static void each_call(void)
{
	unsigned long calls, number = 0;

	do {
		bool ran;

		require_root();
		calls = call_fails(++number);
		ran = output("ran");
		if (fake->completed > 1 || (fake->completed && ran))
			fail_msg("call %lu (%s): answered twice", number, failing_name());
		/* nobody else would remove it */
		if (!strcmp(failing_name(), "unlinkat"))
			leaf_remove_by_hand();
		assert_nothing_left();
	} while (number < calls + 60);
	print_message("%lu calls\n", calls);
	/* else the counting itself is broken */
	assert_true(calls > 20);
}

static void test_each_call(void **state)
{
	(void)state;
	each_call();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_user_namespace),
		cmocka_unit_test(test_each_step),
		cmocka_unit_test(test_each_call),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
