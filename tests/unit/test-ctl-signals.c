// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that upcallctl becomes has the signals that upcallctl was given, and children end as
 * they do, whatever those are.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "capture.h"
#include "ctl-run.h"
#include "signals.h"

static void (*disposition(int number))(int)
{
	struct sigaction action;

	assert_int_equal(sigaction(number, NULL, &action), 0);
	return action.sa_handler;
}

static void restored(int number, void (*before)(int), void (*ours)(int))
{
	assert_ptr_not_equal(signal(number, before), SIG_ERR);
	signals_take();
	assert_ptr_not_equal(signal(number, ours), SIG_ERR);
	signals_restore();
	assert_ptr_equal(disposition(number), before);
}

static void test_restored(void **state)
{
	restored(SIGPIPE, SIG_DFL, SIG_IGN);
	restored(SIGPIPE, SIG_IGN, SIG_DFL);
	restored(SIGCHLD, SIG_DFL, SIG_DFL);
	restored(SIGCHLD, SIG_IGN, SIG_DFL);
}

/* Who has started us may ignore the ends of his children. */
static void test_captured(void **state)
{
	const char *const argv[] = { "sh", "-c", "echo said; exit 3", NULL };
	char output[16];

	assert_ptr_not_equal(signal(SIGCHLD, SIG_IGN), SIG_ERR);
	signals_take();
	assert_int_equal(capture(argv, output, sizeof(output)), 3);
	assert_string_equal(output, "said\n");
	signals_restore();
	assert_ptr_not_equal(signal(SIGCHLD, SIG_DFL), SIG_ERR);
}

/* The same of the program: what says that the module is installed is listened to. */
static void test_started(void **state)
{
	char output[16384];
	size_t size;
	FILE *pipe;

	ctl_put("bin/dkms", "#!/bin/sh\necho upcall-shim/1: added\n", 0755);
	/* lint: a test's own fixed command */
	pipe = popen("env --ignore-signal=CHLD PATH=$PWD/bin:$PATH " UPCALLCTL " doctor 2>&1", "r");
	assert_non_null(pipe);
	size = fread(output, 1, sizeof(output) - 1, pipe);
	output[size] = '\0';
	assert_true(pclose(pipe) >= 0);
	print_message("%s", output);
	assert_non_null(strstr(output, " notes\n"));
	assert_null(strstr(output, "module-missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restored),
		cmocka_unit_test(test_captured),
		cmocka_unit_test(test_started),
	};

	return cmocka_run_group_tests(tests, ctl_enter, ctl_leave);
}
