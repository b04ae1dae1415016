// SPDX-License-Identifier: GPL-2.0-or-later
/* upcallctl exec, with a worker that runs the command where it is: what goes in, out, and how it
 * ends. */
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
#include <unistd.h>

#include <cmocka.h>

#include "ctl-run.h"
#include "fake-daemon.h"
#include "relay.h"

static void expect_of(struct fake_daemon *fake, const char *arguments, int status,
		      const char *output)
{
	const char *said;
	int got;

	fake_daemon_start(fake);
	got = ctl_run(arguments, &said);
	fake_daemon_stop(fake);
	assert_int_equal(got, status);
	assert_string_equal(said, output);
}

static void expect(const char *arguments, int status, const char *output)
{
	struct fake_daemon fake = { 0 };

	expect_of(&fake, arguments, status, output);
}

static void test_statuses(void **state)
{
	expect("exec web /bin/true", 0, "");
	expect("exec web -- /bin/sh -c 'echo out; exit 7'", 7, "out\n");
	expect("exec web /bin/sh -c 'echo err >&2; exit 2'", 2, "err\n");
	expect("exec web /bin/sh -c 'kill -9 $$'", 137, "");
	expect("exec --timeout 5 web /bin/echo --json --timeout -- a", 0,
	       "--json --timeout -- a\n");
}

static void test_streams(void **state)
{
	expect("exec web /bin/cat </proc/sys/kernel/ostype", 0, "Linux\n");
	/* nothing of the host's gets in: sockets, and an input that ends */
	expect("exec web /bin/sh -c 'for i in 0 1 2; do readlink /proc/self/fd/$i; done' "
	       "</dev/null | cut -d: -f1",
	       0, "socket\nsocket\nsocket\n");
	expect("exec web /bin/sh -c 'cat; echo end' <&-", 0, "end\n");
	/* more than any buffer on the way holds */
	expect("exec web /bin/sh -c 'head -c 3000000 /dev/zero' </dev/null | wc -c", 0,
	       "3000000\n");
	expect("exec web /bin/sh -c 'head -c 3000000 | wc -c' </dev/zero", 0, "3000000\n");
	/* who does not read his input is not waited for */
	expect("exec web /bin/sh -c 'exit 3' </dev/zero", 3, "");
}

static void test_json(void **state)
{
	expect("exec --json web /bin/sh -c 'echo noise; exit 3' 2>/dev/null | "
	       "grep -v '\"pid\"\\|\"duration\"'",
	       0,
	       "{\n   \"container\": \"web\",\n   \"outcome\": \"exited\",\n"
	       "   \"exit-status\": 3,\n   \"signal\": 0,\n   \"step\": \"\",\n"
	       "   \"error\": \"\",\n}\n");
	expect("exec --json web /bin/echo noise 3>&1 >/dev/null 2>&3 || exit", 0, "noise\n");
}

static void test_results(void **state)
{
	static const struct {
		struct worker_result result;
		int status;
		const char *said;
	} cases[] = {
		{ { .outcome = WORKER_ENTRY_FAILED, .step = WORKER_STEP_SECCOMP, .error = EPERM },
		  125,
		  "upcallctl: exec web: the container could not be entered: step seccomp: Operation not permitted\n" },
		{ { .outcome = WORKER_EXEC_FAILED,
		    .step = WORKER_STEP_EXEC,
		    .error = ENOENT,
		    .wait_status = 127 << 8 },
		  127,
		  "upcallctl: exec web: /x: No such file or directory\n" },
		{ { .outcome = WORKER_EXEC_FAILED, .step = WORKER_STEP_EXEC, .error = EACCES },
		  126,
		  "upcallctl: exec web: /x: Permission denied\n" },
		{ { .outcome = WORKER_HANDLER_TIMEOUT, .error = ETIMEDOUT, .wait_status = SIGKILL },
		  124,
		  "upcallctl: exec web: killed: it ran for more than 60 s\n" },
		{ { .outcome = WORKER_HANDLER_OOM, .wait_status = SIGKILL },
		  137,
		  "upcallctl: exec web: killed: its cgroup had no memory left\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .worker.result = cases[i].result };

		fake.worker.result.protocol = WORKER_PROTOCOL;
		expect_of(&fake, "exec web /x", cases[i].status, cases[i].said);
	}
}

static void test_failures(void **state)
{
	struct fake_daemon dies = { .worker.dies = true };
	struct fake_daemon other = { .worker.result.protocol = WORKER_PROTOCOL + 1 };
	struct fake_daemon refuses = { .error_name = "org.upcalld.Error.NoSuchContainer",
				       .error_text = "no container is called web" };

	expect_of(&dies, "exec web /bin/true", 125,
		  "upcallctl: exec web: its worker has gone, and the command with it\n");
	expect_of(&other, "exec web /bin/true", 125,
		  "upcallctl: exec web: cannot go on: Bad message\n");
	expect_of(&refuses, "exec web /bin/true", 125,
		  "upcallctl: exec web: no container is called web\n");
	expect("exec web /bin/sh -c 'exit 0' >/dev/full", 0, "");
	expect("exec web /bin/echo words 3>&1 >/dev/full 2>&3 || exit", 125,
	       "upcallctl: exec web: cannot go on: No space left on device\n");
}

#define SEE "; see 'upcallctl exec --help'\n"

static void test_usage(void **state)
{
	const char *said;

	expect("exec", 125, "upcallctl: exec: no NAME given" SEE);
	expect("exec web", 125, "upcallctl: exec: web: no command given" SEE);
	expect("exec web --", 125, "upcallctl: exec: web: no command given" SEE);
	expect("exec web sh", 125,
	       "upcallctl: exec: web: sh: not an absolute path in the container" SEE);
	expect("exec --timeout 0 web /x", 125,
	       "upcallctl: exec: --timeout 0: not 1 to 86400 seconds" SEE);
	expect("exec --nonsense web /x", 125,
	       "upcallctl: exec: --nonsense: no such option, or it takes no value" SEE);
	assert_int_equal(ctl_run("exec --help", &said), 0);
	assert_non_null(strstr(said, "exit status: CMD's own"));
	assert_null(strstr(said, "wrong usage"));
}

/* A terminal gets text, and nothing that it would answer or obey. */
static void test_tame(void **state)
{
	char text[] = "a\tb\n\x1b[6n\x7f\rc \xc3\xa4 \xc2\x9b \x9b \xe2\x82\xac";
	char latin[] = "\xe4\x9b"
		       "0c";

	relay_tame(text, sizeof(text) - 1, true);
	assert_string_equal(text, "a\tb\n?[6n??c \xc3\xa4 \xc2? ? \xe2\x82\xac");
	relay_tame(latin, sizeof(latin) - 1, false);
	assert_string_equal(latin, "\xe4?0c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses), cmocka_unit_test(test_streams),
		cmocka_unit_test(test_json),	 cmocka_unit_test(test_results),
		cmocka_unit_test(test_failures), cmocka_unit_test(test_usage),
		cmocka_unit_test(test_tame),
	};

	return cmocka_run_group_tests(tests, ctl_enter, ctl_leave);
}
