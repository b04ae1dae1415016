// SPDX-License-Identifier: GPL-2.0-or-later
/* Filters that Linux would not take, and one that has a call succeed that was not made. */
#include <errno.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "profile.h"
#include "seccomp-code.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Does Linux take it? In a child, which it stays with. */
static bool linux_takes(const struct sock_filter *code, size_t count)
{
	const struct sock_fprog program = { (unsigned short)count, (struct sock_filter *)code };
	/* who may make no call cannot end by itself */
	const struct itimerval end = { .it_value.tv_usec = 100000 };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setitimer(ITIMER_REAL, &end, NULL);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !WIFEXITED(status) || WEXITSTATUS(status) != EINVAL;
}

static const struct {
	struct sock_filter insn;
	int expected; /* with one that allows behind it */
} insns[] = {
	{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), 0 },
	{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data) - 4), 0 },
	{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data)), -EINVAL },
	{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), -EINVAL },
	{ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), -EINVAL },
	{ BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), -EINVAL },
	{ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), 0 },
	{ BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), 0 },
	{ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), -EINVAL },
	{ BPF_STMT(BPF_LD | BPF_IMM, 7), 0 },
	{ BPF_STMT(BPF_LDX | BPF_IMM, 7), 0 },
	{ BPF_STMT(BPF_ST, BPF_MEMWORDS - 1), 0 },
	{ BPF_STMT(BPF_STX, BPF_MEMWORDS), -EINVAL },
	{ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 7), 0 },
	{ BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0), 0 },
	{ BPF_STMT(BPF_ALU | BPF_NEG, 0), 0 },
	{ BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 2), 0 },
	{ BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), -EINVAL },
	{ BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), 0 },
	{ BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 2), -EINVAL },
	{ BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 31), 0 },
	{ BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 32), -EINVAL },
	{ BPF_STMT(BPF_MISC | BPF_TAX, 0), 0 },
	{ BPF_STMT(BPF_MISC | BPF_TXA, 0), 0 },
	{ BPF_STMT(BPF_MISC | 0x40, 0), -EINVAL },
	{ BPF_STMT(BPF_JMP | BPF_JA, 0), 0 },
	{ BPF_STMT(BPF_JMP | BPF_JA, 1), -EINVAL },
	{ BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), -EINVAL },
	{ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0), 0 },
	{ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 1, 0, 0), 0 },
	{ BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1, 1, 0), -EINVAL },
	{ BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 1, 0, 1), -EINVAL },
	{ { .code = 0xffff }, -EINVAL },
	{ { .code = BPF_RET | BPF_X }, -EINVAL },
	{ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS), 0 },
	{ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM), 0 },
};

/* As Linux has it. */
static void test_insns(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(insns); i++) {
		const struct sock_filter code[] = { insns[i].insn, ALLOW };
		size_t at = 99;

		print_message("%zu: %#x\n", i, code[0].code);
		assert_int_equal(seccomp_code_check(code, 2, &at), insns[i].expected);
		if (insns[i].expected < 0)
			assert_int_equal(at, 0);
		assert_int_equal(linux_takes(code, 2), insns[i].expected == 0);
	}
}

static void test_length(void **state)
{
	struct sock_filter *code = calloc(BPF_MAXINSNS + 1, sizeof(*code));
	size_t at;

	(void)state;
	assert_non_null(code);
	for (size_t i = 0; i <= BPF_MAXINSNS; i++)
		code[i] = (struct sock_filter)ALLOW;
	assert_int_equal(seccomp_code_check(code, 0, &at), -E2BIG);
	assert_int_equal(seccomp_code_check(code, 1, &at), 0);
	assert_int_equal(seccomp_code_check(code, BPF_MAXINSNS, &at), 0);
	assert_int_equal(seccomp_code_check(code, BPF_MAXINSNS + 1, &at), -E2BIG);
	/* it has to end */
	code[2] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
	assert_int_equal(seccomp_code_check(code, 3, &at), -EINVAL);
	assert_int_equal(at, 2);
	free(code);
}

/* Linux takes these: who runs under one believes that its ids, say, are others now. */
static void test_success_that_is_none(void **state)
{
	const struct sock_filter zero[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
					    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO), ALLOW };
	const struct sock_filter computed[] = { BPF_STMT(BPF_LD | BPF_IMM, SECCOMP_RET_ERRNO),
						BPF_STMT(BPF_RET | BPF_A, 0) };
	size_t at;

	(void)state;
	assert_int_equal(seccomp_code_check(zero, COUNT(zero), &at), -EPERM);
	assert_int_equal(at, 1);
	assert_true(linux_takes(zero, COUNT(zero)));
	assert_int_equal(seccomp_code_check(computed, COUNT(computed), &at), -EPERM);
	assert_int_equal(at, 1);
	assert_true(linux_takes(computed, COUNT(computed)));
}

/* What the worker is given: the whole file, and nothing that it would not apply. */
static void test_profile(void **state)
{
	const struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), ALLOW };
	struct profile profile = PROFILE_NULL;
	FILE *file = tmpfile();
	int fd;

	(void)state;
	assert_non_null(file);
	fd = fileno(file);
	assert_int_equal(profile_read(fd, &profile), -EBADMSG);
	assert_int_equal(write(fd, code, sizeof(code)), sizeof(code));
	/* wherever it stands */
	assert_int_equal(profile_read(fd, &profile), 0);
	assert_int_equal(profile.count, 1);
	assert_int_equal(profile.filters[0].len, 2);
	assert_memory_equal(profile.filters[0].filter, code, sizeof(code));
	profile_clear(&profile);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(profile_read(fd, &profile), -EBADMSG);
	assert_int_equal(ftruncate(fd, (BPF_MAXINSNS + 1) * sizeof(*code)), 0);
	assert_int_equal(profile_read(fd, &profile), -EBADMSG);
	assert_null(profile.filters);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insns),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_success_that_is_none),
		cmocka_unit_test(test_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
