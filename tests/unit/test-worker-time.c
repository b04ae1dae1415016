// SPDX-License-Identifier: GPL-2.0-or-later
/* A request's time: a handler that has ended rests a moment before it is looked at. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "request-life.h"
#include "request.h"

static struct hands hands;
static int broker_fd;

static int hands_make(void **state)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -1;
	hands = (struct hands){ .connections = { { .watch.fd = sockets[0], .id = 1 } } };
	broker_fd = sockets[1];
	return 0;
}

static int hands_clear(void **state)
{
	close(hands.connections[0].watch.fd);
	close(broker_fd);
	return 0;
}

/* Attached, and of a container with nobody else at work. */
static struct request *request_make(void)
{
	struct request *request = calloc(1, sizeof(*request));

	assert_non_null(request);
	*request = (struct request){
		.next = hands.requests,
		.hands = &hands,
		.connection_id = 1,
		.wire = { .class = UPCALL_CLASS_KEY, .handler = WORKER_BECOME, .run_ms = 10000 },
		.leader = LEADER_NULL,
		.leaf = LEAF_NULL,
		.upcall = WATCH_NULL,
		.leaf_events = WATCH_NULL,
		.entrant = { .exit = WATCH_NULL, .report = WATCH_NULL },
		.handler = { .exit = WATCH_NULL, .report = WATCH_NULL },
		.answerer = { .exit = WATCH_NULL, .report = WATCH_NULL },
		.visit = VISIT_NULL,
		.pidfd = -1,
		.profile_fd = -1,
		.control_fd = -1,
		.attached = true,
		.started_us = request_now_us(),
		.deadline_ms = loop_now_ms() + 10000,
		.retry_ms = -1,
	};
	hands.requests = request;
	hands.request_count++;
	return request;
}

/* Its handler: ends with that status at once; negative: never. */
static void handler_start(struct request *request, int status)
{
	struct process process = { .pid = fork() };
	struct pollfd ended = { .events = POLLIN };

	if (process.pid == 0) {
		while (status < 0)
			pause();
		_exit(status);
	}
	process.pidfd = pidfd_open(process.pid, 0);
	assert_true(process.pidfd >= 0);
	assert_int_equal(handler_watch(request, &process), 0);
	ended.fd = process.pidfd;
	if (status >= 0)
		assert_int_equal(poll(&ended, 1, 10000), 1);
}

static struct worker_result result_take(void)
{
	struct worker_result result;

	assert_int_equal(recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT), sizeof(result));
	assert_null(hands.requests);
	return result;
}

static void assert_rests(const struct request *request)
{
	assert_ptr_equal(hands.requests, request);
	assert_true(request->handler.put_off);
	assert_false(request->decided);
	assert_true(request->retry_ms >= 0);
	assert_int_equal(request_next_deadline(&hands), request->retry_ms);
}

static void test_rest(void **state)
{
	struct request *request = request_make();
	struct worker_result result;
	int64_t retry_ms;

	handler_start(request, 3);
	assert_int_equal(loop_run(&hands.loop, 0), 1);
	assert_rests(request);
	retry_ms = request->retry_ms;
	assert_true(retry_ms <= loop_now_ms() + 2);
	/* nothing wakes the loop meanwhile, and once is enough */
	while (hands.requests) {
		loop_run(&hands.loop, request_next_deadline(&hands));
		assert_true(loop_now_ms() >= retry_ms);
		request_expire(&hands);
	}
	result = result_take();
	assert_int_equal(result.outcome, WORKER_HANDLER_FAILED);
	assert_int_equal(result.wait_status, 3 << 8);
}

/* It has ended in time: that we have not looked makes nobody late. */
static void test_deadline_in_rest(void **state)
{
	struct request *request = request_make();
	struct worker_result result;

	handler_start(request, 0);
	request_on_handler_exit(&request->handler.exit, POLLIN);
	assert_rests(request);
	request->deadline_ms = loop_now_ms();
	request->retry_ms = request->deadline_ms + 2;
	request_expire(&hands);
	result = result_take();
	assert_int_equal(result.outcome, WORKER_SERVED);
	assert_int_equal(result.wait_status, 0);
}

static void test_deadline(void **state)
{
	struct request *request = request_make();
	struct worker_result result;

	handler_start(request, -1);
	request->deadline_ms = loop_now_ms();
	request_expire(&hands);
	assert_true(request->decided);
	while (hands.requests) {
		assert_true(request_next_deadline(&hands) > 0);
		loop_run(&hands.loop, request_next_deadline(&hands));
		request_expire(&hands);
	}
	result = result_take();
	assert_int_equal(result.outcome, WORKER_HANDLER_TIMEOUT);
	assert_int_equal(result.wait_status, SIGKILL);
}

/* The machine stood while its clocks went on: that was nobody's time, and every time's end comes. */
static void test_deadline_stood(void **state)
{
	struct request *request = request_make();
	int64_t now = loop_now_ms();

	handler_start(request, -1);
	request->deadline_ms = now + 40;
	assert_int_equal(request_next_deadline(&hands), now + 40);
	/* as if it were a minute later */
	request->deadline_ms -= 60000;
	hands.look_ms -= 60000;
	hands.looked_ms -= 60000;
	request_woken(&hands.loop);
	request_expire(&hands);
	assert_false(request->decided);
	assert_true(request->deadline_ms >= now + 40);
	/* in a callback */
	(void)request_next_deadline(&hands);
	request->deadline_ms = loop_now_ms() + 40 - 60000;
	hands.look_ms -= 60000;
	hands.looked_ms -= 60000;
	request_expire(&hands);
	assert_false(request->decided);
	while (hands.requests) {
		loop_run(&hands.loop, request_next_deadline(&hands));
		request_expire(&hands);
	}
	assert_true(loop_now_ms() >= now + 40);
	assert_int_equal(result_take().outcome, WORKER_HANDLER_TIMEOUT);
}

/* One that a tracer keeps from us does not rest: its time may be over. */
static void test_deadline_held(void **state)
{
	struct request *request = request_make();
	struct worker_result result;

	handler_start(request, -1);
	child_hold(request, &request->handler);
	assert_int_equal(request_next_deadline(&hands), request->retry_ms);
	request->deadline_ms = loop_now_ms();
	request_expire(&hands);
	assert_true(request->decided);
	request->deadline_ms = loop_now_ms();
	request_expire(&hands);
	result = result_take();
	assert_int_equal(result.outcome, WORKER_HANDLER_FAILED);
	assert_int_equal(result.error, EBUSY);
	/* who was left behind, if it has not been reaped as a stray */
	(void)wait(NULL);
}

/* Where somebody may wait for the place, or nobody has been answered, there is no rest. */
static void test_no_rest(void **state)
{
	for (int i = 0; i < 5; i++) {
		struct request *request = request_make();

		request->wire.alone = i == 0;
		if (i == 1)
			request->wire.class = UPCALL_CLASS_CORE;
		if (i == 2)
			hands.request_count++;
		request->attached = i != 3;
		if (i == 4)
			request->wire.handler = WORKER_VISIT;
		handler_start(request, 0);
		request_on_handler_exit(&request->handler.exit, POLLIN);
		assert_int_equal(result_take().outcome,
				 i == 3 ? WORKER_ENTRY_FAILED : WORKER_SERVED);
		hands.request_count = 0;
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, hands_make, hands_clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rest),	   TEST(test_deadline_in_rest), TEST(test_deadline),
		TEST(test_deadline_stood), TEST(test_deadline_held),	TEST(test_no_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
