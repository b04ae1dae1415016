// SPDX-License-Identifier: GPL-2.0-or-later
/* A worker that is told to end, with SIGTERM, begins nothing, and what runs ends or goes on. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ending.h"
#include "enter-fixture.h"
#include "listen.h"
#include "request-life.h"
#include "request.h"

#define PATIENCE_MS 20000

static void turn(int64_t limit)
{
	assert_true(loop_now_ms() < limit);
	connection_throttle(&hands);
	loop_run(&hands.loop, loop_now_ms() + 20);
	request_expire(&hands);
}

static bool has_ended(int fd)
{
	struct pollfd end = { .fd = fd };

	return poll(&end, 1, 0) == 1;
}

static bool leaf_is_there(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/upcall-99", container.boundary);
	return access(path, F_OK) == 0;
}

/* The other end of its upcall: when that hangs up the upcall is anybody's again. */
static int upcall_put(const struct worker_request *request)
{
	int upcall[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, upcall), 0);
	request_put_fd(request, upcall[1]);
	return upcall[0];
}

static int handler_put(uint64_t id, const char *text)
{
	struct worker_request request;

	info_set(UPCALL_CLASS_OTHER, text);
	fake_info.id = id;
	request = request_of(WORKER_BECOME);
	request.id = id;
	return upcall_put(&request);
}

/* Until the handler runs. */
static void handler_wait(void)
{
	int64_t limit = loop_now_ms() + PATIENCE_MS;

	while (!output("here"))
		turn(limit);
	assert_non_null(hands.requests);
	while (hands.requests->handler.pid == 0)
		turn(limit);
	assert_true(leaf_is_there());
}

static void told_to_end(void)
{
	int64_t limit = loop_now_ms() + PATIENCE_MS;

	assert_int_equal(ending_watch(&hands), 0);
	assert_int_equal(raise(SIGTERM), 0);
	while (!hands.deaf)
		turn(limit);
}

static void turn_until_over(int64_t limit)
{
	while (hands.requests)
		turn(limit);
	assert_true(listen_is_over(&hands));
}

/* What the end of the process does. */
static void process_end(void)
{
	loop_unwatch_close(&hands.loop, &hands.connections[0].watch);
	hands.connections[0].id = 0;
}

/* What ends by itself has its result. */
static void test_finishing(void **state)
{
	struct worker_result result;
	int upcall;

	(void)state;
	require_root();
	upcall = handler_put(99, "echo >here; sleep 0.2; echo >done; exit 3");
	handler_wait();
	told_to_end();
	turn_until_over(loop_now_ms() + PATIENCE_MS);
	assert_int_equal(recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT), sizeof(result));
	assert_int_equal(result.outcome, WORKER_HANDLER_FAILED);
	assert_non_null(output("done"));
	assert_nothing_left();
	close(upcall);
}

/* What does not is left alone: without a result, it is the kernel's to know of its end. */
static void test_running(void **state)
{
	char path[128], byte;
	pid_t pid;
	int upcall;
	int64_t told;

	(void)state;
	require_root();
	upcall = handler_put(99, "echo >here; exec sleep 1000");
	handler_wait();
	pid = hands.requests->handler.pid;
	told_to_end();
	told = loop_now_ms();
	turn_until_over(told + PATIENCE_MS);
	assert_true(loop_now_ms() - told >= WORKER_FINISH_MS / 2);
	assert_int_equal(recv(broker_fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	snprintf(path, sizeof(path), "%s/upcall-99", container.boundary);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(fake->completed, 0);
	close(upcall);
}

/* There was no place for two, and their connection is closed then: none is begun. */
static void test_left(void **state)
{
	unsigned int others;
	int upcall[3];

	(void)state;
	require_root();
	upcall[0] = handler_put(99, "echo >here; exec sleep 1");
	handler_wait();
	others = REQUEST_MAX - hands.request_count;
	hands.request_count += others;
	upcall[1] = handler_put(98, "echo >ran; exec sleep 1000");
	upcall[2] = handler_put(98, "echo >ran; exec sleep 1000");
	told_to_end();
	hands.request_count -= others;
	assert_int_equal(shutdown(broker_fd, SHUT_RDWR), 0);
	turn_until_over(loop_now_ms() + PATIENCE_MS);
	assert_null(output("ran"));
	assert_int_equal(fake->attached, 1);
	process_end();
	for (int i = 0; i < 3; i++) {
		assert_true(has_ended(upcall[i]));
		close(upcall[i]);
	}
}

static pid_t tracer, held;

static void end(pid_t *pid)
{
	if (*pid > 0 && kill(*pid, SIGKILL) == 0)
		(void)waitpid(*pid, NULL, 0);
	*pid = 0;
}

/* Or, where a test has failed, the container's init would wait for them for ever. */
static int clear(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	(void)signal(SIGTERM, SIG_DFL);
	hands.deaf = false;
	hands.end_ms = 0;
	end(&tracer);
	while (hands.requests)
		request_abandon(hands.requests);
	end(&held);
	process_end();
	connect_again();
	return 0;
}

/* Traces who it is told of, and waits for nobody: the status is kept from the worker. */
static void tracer_start(int *ret_say, int *ret_ready)
{
	int say[2], ready[2];
	pid_t traced;

	assert_int_equal(pipe(say), 0);
	assert_int_equal(pipe(ready), 0);
	tracer = fork();
	if (tracer == 0) {
		if (read(say[0], &traced, sizeof(traced)) != sizeof(traced) ||
		    ptrace(PTRACE_SEIZE, traced, NULL, NULL) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(say[0]);
	close(ready[1]);
	*ret_say = say[1];
	*ret_ready = ready[0];
}

/* An answer's upcall is the worker's until there is one: as long as there is the leaf. */
static void test_held(void **state)
{
	struct worker_request request;
	int upcall, say, ready;
	char byte;
	int64_t told;

	(void)state;
	require_root();
	tracer_start(&say, &ready);
	answer_info_set("dns_resolver", "server.example");
	request = answer_request_of("echo >here; exec sleep 1000");
	upcall = upcall_put(&request);
	handler_wait();
	held = hands.requests->handler.pid;
	assert_int_equal(write(say, &held, sizeof(held)), sizeof(held));
	assert_int_equal(read(ready, &byte, 1), 1);
	told_to_end();
	told = loop_now_ms();
	while (hands.requests) {
		turn(told + PATIENCE_MS);
		assert_true(!has_ended(upcall) || !leaf_is_there());
	}
	assert_true(loop_now_ms() - told >= WORKER_FINISH_MS + WORKER_CLEANUP_MS / 2);
	assert_true(loop_now_ms() - told < WORKER_END_MS + 3000);
	assert_false(leaf_is_there());
	close(upcall);
	close(say);
	close(ready);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_finishing, clear),
		cmocka_unit_test_teardown(test_running, clear),
		cmocka_unit_test_teardown(test_left, clear),
		cmocka_unit_test_teardown(test_held, clear),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
