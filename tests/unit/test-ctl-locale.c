// SPDX-License-Identifier: GPL-2.0-or-later
/* Columns have their names in every language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl-run.h"
#include "fake-daemon.h"

/* In which the capital of i is another letter than I. */
static void test_turkish(void **state)
{
	struct fake_daemon fake = { .containers = 1 };
	const char *said;
	int status;

	/* lint: a test's own fixed command */
	if (system("localedef -i tr_TR -f UTF-8 ./tr_TR.UTF-8 2>/dev/null") != 0)
		skip();
	fake_daemon_start(&fake);
	status = ctl_run("list --raw --output ID,pendinG", &said);
	assert_int_equal(status, 0);
	assert_string_equal(said, "ID PENDING\n16 0\n");
	fake_daemon_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turkish),
	};

	setenv("LOCPATH", ".", 1);
	setenv("LC_ALL", "tr_TR.UTF-8", 1);
	return cmocka_run_group_tests(tests, ctl_enter, ctl_leave);
}
