// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl test, with the real probe where it is and a daemon that remembers one
 * upcall: which record is taken for its own, what is said without one, and the status.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl-run.h"
#include "fake-daemon.h"

#define REQUESTER 4712

static const char *run_of(struct fake_daemon *fake, const char *arguments, int status)
{
	const char *said;
	int got;

	if (!fake->worker.result.protocol) {
		fake->worker.program = UPCALL_PROBE;
		fake->worker.pid = REQUESTER;
	}
	fake_daemon_start(fake);
	got = ctl_run(arguments, &said);
	fake_daemon_stop(fake);
	assert_int_equal(got, status);
	return said;
}

static void assert_says(const char *said, const char *text)
{
	if (!strstr(said, text))
		fail_msg("no \"%s\" in:\n%s", text, said);
}

/* Those are scripts': 0 served, 8 without success, 9 refused, 10 native. */
static void test_results(void **state)
{
	static const struct {
		const char *result;
		int status;
	} cases[] = {
		{ "served", 0 },     { "failed", 8 },	  { "entry-failed", 8 }, { "timeout", 8 },
		{ "bad-answer", 8 }, { "gone", 8 },	  { "lost", 8 },	 { "refused", 8 },
		{ "native", 10 },    { "oom-killed", 8 }, { "killed", 8 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .result = cases[i].result, .requester = REQUESTER };
		const char *said = run_of(&fake, "test web module", cases[i].status);
		char line[64];

		assert_says(said, "raised:         module\n");
		assert_says(said, "requester got:  Address family not supported by protocol\n");
		assert_says(said, "upcall:         7 (core)\n");
		snprintf(line, sizeof(line), "result:         %s\n", cases[i].result);
		assert_says(said, line);
	}
}

/* 9 is policy's: it decides before there is a handler. All else that refuses is 8. */
static void test_refused(void **state)
{
	static const struct {
		const char *section;
		const char *handler;
		int status;
	} cases[] = {
		{ "[Module]", NULL, 9 },     /* not in Allow= */
		{ "[Module]", "kernel", 8 }, /* cancelled, a limit, nobody could serve it */
		{ NULL, NULL, 8 }, /* whose it is cannot be said, too many on the machine */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .result = "refused",
					    .requester = REQUESTER,
					    .section = cases[i].section,
					    .handler = cases[i].handler };

		(void)run_of(&fake, "test web module", cases[i].status);
	}
}

/* The word alone tells nobody what to do. */
static void test_seccomp(void **state)
{
	struct fake_daemon fake = { .requester = REQUESTER, .step = "seccomp" };
	const char *said = run_of(&fake, "test web module", 8);

	assert_says(said, "failed at:      seccomp (its first process has seccomp filters, see "
			  "HANDLERS in upcalld.d(5))\n");
}

/* Others come at the same time, and may have been meant to. */
static void test_look_back(void **state)
{
	static const struct {
		uint64_t later;
		int status;
	} cases[] = { { 1, 0 }, { 255, 0 }, { (uint64_t)-4, 0 }, { 1000, 1 } };
	const char *said = "";

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .result = "served",
					    .requester = REQUESTER,
					    .later = cases[i].later,
					    .verdict = "offer" };

		said = run_of(&fake, "test web key/logon", cases[i].status);
	}
	assert_says(said, "result:         unknown: not among the last 256");
}

/* Somebody else's record is not ours, whatever it says. */
static void test_without_record(void **state)
{
	struct fake_daemon native = { .result = "served", .requester = REQUESTER + 1 };
	struct fake_daemon deny = { .result = "served", .verdict = "deny" };
	struct fake_daemon offer = { .result = "served", .verdict = "offer" };
	const char *said;

	said = run_of(&native, "test web key/logon", 10);
	assert_says(said, "raised:         key logon upcallctl-test:");
	assert_says(said, "result:         native: upcalld is not asked");
	assert_says(said, "why:            see 'upcallctl show web'\n");
	said = run_of(&deny, "test web key/logon", 9);
	assert_says(said, "result:         refused: by the kernel's table");
	assert_says(said, "why:            see 'upcallctl show web'\n");
	/* the type has rules of its own: what all others get is no answer */
	said = run_of(&offer, "test web key", 1);
	assert_says(said, "result:         unknown: not among the last 256 upcalls");
}

/* By which signal a trap instruction kills is the machine's. */
static void test_crash(void **state)
{
	static const struct {
		int signal;
		int status;
	} cases[] = { { SIGILL, 0 }, { SIGTRAP, 0 }, { SIGKILL, 1 }, { SIGSYS, 1 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = {
			.result = "served",
			.requester = REQUESTER,
			.worker.result = { .protocol = WORKER_PROTOCOL,
					   .outcome = WORKER_HANDLER_KILLED,
					   .handler_pid = REQUESTER,
					   .wait_status = cases[i].signal },
		};

		(void)run_of(&fake, "test web core", cases[i].status);
	}
}

static void test_json(void **state)
{
	struct fake_daemon served = { .result = "served", .requester = REQUESTER };
	struct fake_daemon none = { .verdict = "deny" };
	const char *said;

	said = run_of(&served, "test --json web core", 0);
	assert_says(said, "\"class\": \"core\"");
	assert_says(said, "\"requester\": 4712,");
	assert_says(said, "\"result\": \"served\",\n   \"upcall\": {\n      \"id\": 7");
	said = run_of(&none, "test web key/logon --json", 9);
	assert_says(said, "\"key-type\": \"logon\"");
	assert_says(said, "\"description\": \"upcallctl-test:");
	assert_says(said, "\"verdict\": \"deny\",\n   \"result\": \"refused\"\n}");
	assert_null(strstr(said, "\"upcall\""));
}

static void test_failures(void **state)
{
	struct fake_daemon entry = { .worker.result = { .protocol = WORKER_PROTOCOL,
							.outcome = WORKER_ENTRY_FAILED,
							.step = WORKER_STEP_SETNS,
							.error = EPERM } };
	struct fake_daemon killed = { .worker.result = { .protocol = WORKER_PROTOCOL,
							 .outcome = WORKER_HANDLER_KILLED,
							 .wait_status = 9 } };
	struct fake_daemon dies = { .worker.dies = true }, type = { 0 };
	struct fake_daemon refuses = { .error_name = "org.upcalld.Error.NoSuchContainer",
				       .error_text = "no container is called web" };

	assert_says(run_of(&entry, "test web key", 1),
		    "test web: it could not be raised: step setns: Operation not permitted\n");
	assert_says(run_of(&killed, "test web key", 1),
		    "test web: it could not be raised: its requester killed\n");
	assert_says(
		run_of(&type, "test web key/nonsense", 1),
		"could not be raised: its requester exited: upcall-probe: no keys of type nonsense");
	assert_says(run_of(&killed, "test web core", 1), "could not be raised");
	assert_says(run_of(&dies, "test web key", 1),
		    "its worker does not say what became of it; see 'upcallctl doctor'");
	assert_says(run_of(&refuses, "test web key", 3), "no container is called web\n");
}

/* What the requester says may be the container's: root there may write into its output. */
static void test_tame(void **state)
{
	struct fake_daemon fake = { .worker = { .program = "./hostile", .pid = REQUESTER } };
	const char *said;
	int got;

	ctl_put("hostile", "#!/bin/sh\nprintf '\\033]0;x\\007 \\302\\233m \\233m end'\n", 0755);
	fake_daemon_start(&fake);
	got = ctl_run("test web key", &said);
	fake_daemon_stop(&fake);
	assert_int_equal(got, 1);
	assert_says(said, "its requester exited: ?]0;x? \xc2?m ?m end\n");
}

/* With a requester that says that it got what it asked for. */
static void test_got(void **state)
{
	struct fake_daemon key = { .result = "served",
				   .requester = REQUESTER,
				   .worker = { .program = "./got", .pid = REQUESTER } };
	struct fake_daemon module = key;
	const char *said;

	ctl_put("got", "#!/bin/sh\necho 0 5\n", 0755);
	fake_daemon_start(&key);
	assert_int_equal(ctl_run("test web key", &said), 0);
	fake_daemon_stop(&key);
	assert_says(said, "requester got:  the key\n");
	fake_daemon_start(&module);
	assert_int_equal(ctl_run("test web module", &said), 0);
	fake_daemon_stop(&module);
	assert_says(said, "requester got:  a socket\n");
}

static void test_usage(void **state)
{
	static const char *const bad[] = { "test",
					   "test web",
					   "test web key more",
					   "test web release-agent",
					   "test web key/",
					   "test web key/.request_key_auth",
					   "test web key/keyring",
					   "test web keys",
					   "test web key/a123456789012345678901234567890b",
					   "test --nonsense web key" };
	const char *said;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ctl_run(bad[i], &said), 2);
		assert_says(said, "see 'upcallctl test --help'\n");
	}
	assert_int_equal(ctl_run("test --help", &said), 0);
	assert_says(said, "exit status: 0 it was handled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results), cmocka_unit_test(test_without_record),
		cmocka_unit_test(test_json),	cmocka_unit_test(test_failures),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_look_back),
		cmocka_unit_test(test_tame),	cmocka_unit_test(test_crash),
		cmocka_unit_test(test_usage),	cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_got),
	};

	return cmocka_run_group_tests(tests, ctl_enter, ctl_leave);
}
