// SPDX-License-Identifier: GPL-2.0-or-later
/* A program that upcallctl becomes has the signals that upcallctl was given. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
	signals_keep();
	assert_ptr_not_equal(signal(number, ours), SIG_ERR);
	signals_restore();
	assert_ptr_equal(disposition(number), before);
}

static void test_restored(void **state)
{
	restored(SIGPIPE, SIG_DFL, SIG_IGN);
	restored(SIGPIPE, SIG_IGN, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
