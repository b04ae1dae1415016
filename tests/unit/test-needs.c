// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel must have: each system call is found missing, and named
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <seccomp.h>

#include "needs.h"

static const struct {
	const char *name;
	unsigned int who;
} calls[] = {
	{ "pidfd_open", NEEDS_DAEMON | NEEDS_WORKER },
	{ "openat2", NEEDS_DAEMON | NEEDS_WORKER },
	{ "pidfd_send_signal", NEEDS_STANDALONE | NEEDS_WORKER },
	{ "setns", NEEDS_WORKER },
	{ "clone3", NEEDS_WORKER },
	{ "close_range", NEEDS_WORKER },
	{ "fsopen", NEEDS_WORKER },
	{ "fsconfig", NEEDS_WORKER },
	{ "fsmount", NEEDS_WORKER },
	{ "memfd_create", NEEDS_WORKER },
	{ "execveat", NEEDS_WORKER },
};

static int take_away(const char *name, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error),
				   seccomp_syscall_resolve_name(name), 0);

	return ret < 0 ? ret : seccomp_load(filter);
}

/* The child's: 0, or which of the expectations does not hold. */
static int check_without(const char *name, unsigned int needed_by, unsigned int who, int error)
{
	char text[256] = "", expected[64];
	int ret;

	(void)snprintf(expected, sizeof(expected), "%s() is missing", name);
	if (take_away(name, error) < 0)
		return 1;
	ret = needs_check(who, text, sizeof(text));
	if (!(needed_by & who))
		return ret == 0 ? 0 : 2;
	if (ret != -error)
		return 3;
	return strncmp(text, expected, strlen(expected)) != 0 || !strstr(text, strerror(error)) ?
		       4 :
		       0;
}

static void assert_without(const char *name, unsigned int needed_by, unsigned int who, int error)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(check_without(name, needed_by, who, error));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		print_message("%s, asked for %u: %d\n", name, who, WEXITSTATUS(status));
	assert_int_equal(status, 0);
}

static void test_each_is_named(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* fsopen() refuses others before it looks at its arguments */
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (unsigned int who = NEEDS_DAEMON; who <= NEEDS_WORKER; who <<= 1) {
			assert_without(calls[i].name, calls[i].who, who, ENOSYS);
			assert_without(calls[i].name, calls[i].who, who, EPERM);
		}
}

static void test_nothing_is_missing(void **state)
{
	char text[256] = "untouched";

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(
		needs_check(NEEDS_DAEMON | NEEDS_STANDALONE | NEEDS_WORKER, text, sizeof(text)), 0);
	assert_string_equal(text, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_missing),
		cmocka_unit_test(test_each_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
