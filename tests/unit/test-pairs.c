// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pairs.h"

static pid_t maker_of(int fd)
{
	struct ucred maker;
	socklen_t size = sizeof(maker);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &maker, &size), 0);
	return maker.pid;
}

static void test_nobody_made_them(void **state)
{
	int pairs[3][2];

	(void)state;
	assert_int_equal(pairs_make(pairs, 3), 0);
	for (int i = 0; i < 3; i++) {
		for (int end = 0; end < 2; end++) {
			pid_t maker = maker_of(pairs[i][end]);

			assert_int_not_equal(maker, getpid());
			assert_true(maker == 0 || (kill(maker, 0) < 0 && errno == ESRCH));
		}
	}
	/* and no zombie of it is left */
	assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	pairs_close(pairs, 3);
}

static void test_connected(void **state)
{
	int pairs[2][2];
	char text[8];

	(void)state;
	assert_int_equal(pairs_make(pairs, 2), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(write(pairs[i][0], "there", 5), 5);
		assert_int_equal(read(pairs[i][1], text, sizeof(text)), 5);
		assert_int_equal(write(pairs[i][1], "back", 4), 4);
		assert_int_equal(read(pairs[i][0], text, sizeof(text)), 4);
		for (int end = 0; end < 2; end++)
			assert_int_equal(fcntl(pairs[i][end], F_GETFD), FD_CLOEXEC);
	}
	pairs_close(pairs, 2);
	assert_int_equal(pairs[1][1], -1);
}

/* All of them or none. */
static void test_too_few_descriptors(void **state)
{
	struct rlimit usual, limit;
	int pairs[2][2], first = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	limit = (struct rlimit){ (rlim_t)first + 3, usual.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	close(first);
	assert_int_equal(pairs_make(pairs, 2), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	for (int i = 0; i < 2; i++)
		for (int end = 0; end < 2; end++)
			assert_int_equal(pairs[i][end], -1);
	assert_int_equal(dup(STDIN_FILENO), first);
	close(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_made_them),
		cmocka_unit_test(test_connected),
		cmocka_unit_test(test_too_few_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
