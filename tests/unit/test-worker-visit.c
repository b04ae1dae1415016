// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands of a visitor, who sees how they end; and our own that raise upcalls. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enter-fixture.h"
#include "request.h"

/* A visitor: the other ends of what the command has, and of the channel. */
struct visitor {
	int channel;
	int fds[3];
};

static uint64_t visit_id = 99;
static enum worker_handler visit_handler = WORKER_VISIT;

static void visitor_come(struct visitor *visitor, const char *arguments, size_t size, bool file)
{
	int sockets[2], theirs[3];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
		visitor->fds[i] = sockets[0];
		theirs[i] = sockets[1];
	}
	if (file) {
		int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_true(dup3(directory, theirs[1], O_CLOEXEC) >= 0);
		close(directory);
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	visitor->channel = sockets[0];
	fds_put(visitor->channel, arguments, size, theirs, 3);
	for (int i = 0; i < 3; i++)
		close(theirs[i]);
	/* the broker's part */
	{
		struct worker_request request = request_of(visit_handler);
		int fds[3] = { eventfd(0, EFD_CLOEXEC),
			       (int)syscall(SYS_pidfd_open, container.leader, 0), sockets[1] };

		request.class = UPCALL_CLASS_OTHER;
		request.id = visit_id;
		request.run_ms = 600000; /* longer than any test waits */
		fds_put(broker_fd, &request, sizeof(request), fds, 3);
		for (int i = 0; i < 3; i++)
			close(fds[i]);
	}
}

static void visitor_go(struct visitor *visitor)
{
	close(visitor->channel);
	for (int i = 0; i < 3; i++)
		close(visitor->fds[i]);
}

static void hands_turn(int64_t limit)
{
	assert_true(loop_now_ms() < limit);
	loop_run(&hands.loop, loop_now_ms() + 20);
	request_expire(&hands);
}

static struct worker_result visit_serve(const struct visitor *visitor)
{
	struct worker_result result = { 0 };
	int64_t limit = loop_now_ms() + 20000;

	while (recv(visitor->channel, &result, sizeof(result), MSG_DONTWAIT) != sizeof(result))
		hands_turn(limit);
	assert_int_equal(result.id, 99);
	assert_null(hands.requests);
	/* upcalld is told nothing: it asked for nothing */
	assert_int_equal(recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT), -1);
	return result;
}

#define SHELL(text) "/bin/sh\0-c\0" text, sizeof("/bin/sh\0-c\0" text)

static void test_visit(void **state)
{
	struct worker_result result;
	struct visitor visitor;
	char text[4096] = "";

	(void)state;
	require_root();
	visitor_come(&visitor,
		     SHELL("read a; echo $a; env; grep -E '^(CapInh|CapAmb|Uid|Groups)' "
			   "/proc/self/status; ls /proc/self/fd; echo words >&2; exit 7"),
		     false);
	assert_int_equal(write(visitor.fds[0], "hello\n", 6), 6);
	result = visit_serve(&visitor);
	if (result.outcome != WORKER_HANDLER_FAILED)
		fail_msg("outcome %u, step %u, error %d", result.outcome, result.step,
			 result.error);
	assert_int_equal(WEXITSTATUS(result.wait_status), 7);
	assert_true(result.handler_pid > 0);
	assert_true(recv(visitor.fds[1], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_line(text, "hello\n");
	assert_line(text, "HOME=/\n");
	assert_line(text, "PATH=/sbin:/bin:/usr/sbin:/usr/bin\n");
	assert_line(text, "Uid:\t0\t0\t0\t0\n");
	assert_line(text, "Groups:\t \n");
	assert_line(text, "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n");
	/* 3 is the directory that ls reads */
	assert_line(text, "0\n1\n2\n3\n");
	assert_null(strstr(text, "\n4\n"));
	memset(text, 0, sizeof(text));
	assert_true(recv(visitor.fds[2], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(text, "words\n");
	/* there was no upcall to answer */
	assert_int_equal(fake->attached, 0);
	assert_int_equal(fake->completed, 0);
	assert_nothing_left();
	visitor_go(&visitor);
}

static void test_visit_endings(void **state)
{
	static const struct {
		const char *desc;
		const char *arguments;
		size_t size;
		bool file;
		enum worker_outcome outcome;
		enum worker_step step;
		int error;
	} cases[] = {
		{ "well", SHELL("exit 0"), false, WORKER_SERVED, WORKER_STEP_NONE, 0 },
		{ "by a signal", SHELL("kill -9 $$"), false, WORKER_HANDLER_KILLED,
		  WORKER_STEP_NONE, 0 },
		{ "with children left", SHELL("sleep 100 & exit 0"), false, WORKER_SERVED,
		  WORKER_STEP_NONE, 0 },
		{ "no such program", "/nowhere", 9, false, WORKER_EXEC_FAILED, WORKER_STEP_EXEC,
		  ENOENT },
		{ "no path", "sh", 3, false, WORKER_ENTRY_FAILED, WORKER_STEP_REQUEST, EBADMSG },
		{ "no end", "/bin/sh", 7, false, WORKER_ENTRY_FAILED, WORKER_STEP_REQUEST,
		  EBADMSG },
		{ "a directory of the host", SHELL("exit 0"), true, WORKER_ENTRY_FAILED,
		  WORKER_STEP_REQUEST, ENOTSOCK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct worker_result result;
		struct visitor visitor;

		require_root();
		visitor_come(&visitor, cases[i].arguments, cases[i].size, cases[i].file);
		result = visit_serve(&visitor);
		if (result.outcome != cases[i].outcome || result.step != cases[i].step ||
		    result.error != cases[i].error)
			fail_msg("%s: outcome %u, step %u, error %d", cases[i].desc, result.outcome,
				 result.step, result.error);
		assert_nothing_left();
		visitor_go(&visitor);
	}
}

/* Each step of the table is a visit's, too, but the one that takes an upcall. */
static void test_visit_each_step(void **state)
{
	(void)state;
	for (int step = WORKER_STEP_REQUEST; step <= WORKER_STEP_EXEC; step++) {
		struct worker_result result;
		struct visitor visitor;

		if (step == WORKER_STEP_ATTACH)
			continue;
		require_root();
		fault_step = (enum worker_step)step;
		visitor_come(&visitor, SHELL("exit 0"), false);
		result = visit_serve(&visitor);
		if (result.outcome != WORKER_ENTRY_FAILED || (int)result.step != step)
			fail_msg("step %d: outcome %u, step %u, error %d", step, result.outcome,
				 result.step, result.error);
		assert_nothing_left();
		visitor_go(&visitor);
	}
}

static void test_visit_place(void **state)
{
	struct worker_result result;
	struct visitor visitor;

	(void)state;
	for (int i = 0; i < 2; i++) {
		require_root();
		fake->wrong_cgroup = i == 0;
		fake->wrong_ns = i == 1 ? 1u << UPCALL_NS_NET : 0;
		visitor_come(&visitor, SHELL("exit 0"), false);
		result = visit_serve(&visitor);
		assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
		assert_int_equal(result.step, WORKER_STEP_VERIFY);
		visitor_go(&visitor);
	}
}

/* Whoever watched has gone: so does what he had started, all of it. */
static void test_visitor_gone(void **state)
{
	int64_t limit = loop_now_ms() + 20000;
	struct visitor visitor;
	char byte;

	(void)state;
	require_root();
	visitor_come(&visitor, SHELL("sleep 100 & echo; sleep 100"), false);
	while (recv(visitor.fds[1], &byte, 1, MSG_DONTWAIT) != 1)
		hands_turn(limit);
	visitor_go(&visitor);
	while (hands.requests)
		hands_turn(limit);
	assert_nothing_left();
}

/* Handlers need the worker, too. */
static void test_visits_many(void **state)
{
	struct visitor visitors[WORKER_VISITS + 1];
	int64_t limit = loop_now_ms() + 20000;
	struct worker_result result;
	char byte;

	(void)state;
	require_root();
	for (int i = 0; i <= WORKER_VISITS; i++) {
		visit_id = 1000 + (uint64_t)i;
		visitor_come(&visitors[i], SHELL("echo; sleep 100"), false);
		while (i < WORKER_VISITS && recv(visitors[i].fds[1], &byte, 1, MSG_DONTWAIT) != 1)
			hands_turn(limit);
	}
	visit_id = 99;
	while (recv(visitors[WORKER_VISITS].channel, &result, sizeof(result), MSG_DONTWAIT) < 0)
		hands_turn(limit);
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_int_equal(result.step, WORKER_STEP_REQUEST);
	assert_int_equal(result.error, EUSERS);
	assert_int_equal(hands.request_count, WORKER_VISITS);
	for (int i = 0; i <= WORKER_VISITS; i++)
		visitor_go(&visitors[i]);
	while (hands.requests)
		hands_turn(limit);
	assert_nothing_left();
}

/* --------------------------------------------------------------------- probe */

static struct worker_result probe_serve(struct visitor *visitor, const char *arguments, size_t size)
{
	struct worker_result result;

	visit_handler = WORKER_PROBE;
	visitor_come(visitor, arguments, size, false);
	visit_handler = WORKER_VISIT;
	result = visit_serve(visitor);
	assert_nothing_left();
	return result;
}

#define PROBE(text) "upcall-probe\0" text, sizeof("upcall-probe\0" text)

/* What raises upcalls: our own, from memory, without any power. */
static void test_probe(void **state)
{
	struct worker_result result;
	struct visitor visitor;
	char text[512] = "";

	(void)state;
	/* else the sibling looks where it was born, and the fake shim looks into /proc, which its
	 * filter forbids */
	require_user_namespaces();
#ifdef UPCALL_SANITIZE
	/* a sanitizer looks for itself in /proc, and takes the crash for its own */
	skip();
#endif
	result = probe_serve(&visitor, PROBE("module"));
	if (result.outcome != WORKER_SERVED)
		fail_msg("outcome %u, step %u, error %d", result.outcome, result.step,
			 result.error);
	assert_true(recv(visitor.fds[1], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_int_equal(strtol(text, NULL, 10), EAFNOSUPPORT);
	visitor_go(&visitor);

	result = probe_serve(&visitor, PROBE("core"));
	assert_int_equal(result.outcome, WORKER_HANDLER_KILLED);
	assert_int_equal(WTERMSIG(result.wait_status), SIGILL);
	visitor_go(&visitor);

	result = probe_serve(&visitor, PROBE("nonsense"));
	assert_int_equal(result.outcome, WORKER_HANDLER_FAILED);
	/* its status is 2, if no sanitizer at its end finds fault with being inside */
	assert_true(recv(visitor.fds[2], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_line(text, "usage: upcall-probe core | key TYPE DESCRIPTION | module\n");
	visitor_go(&visitor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visit),		cmocka_unit_test(test_visit_endings),
		cmocka_unit_test(test_visit_each_step), cmocka_unit_test(test_visit_place),
		cmocka_unit_test(test_visitor_gone),	cmocka_unit_test(test_visits_many),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
