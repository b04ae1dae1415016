// SPDX-License-Identifier: GPL-2.0-or-later
/* Parsers of procfs text: what is not exactly right is not taken. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_number(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int ret;
		uint64_t value;
	} cases[] = {
		{ "1", 10, 0, 1 },
		{ "0", 10, 0, 0 },
		{ "10", 10, 0, 10 },
		{ "4294967295", UINT32_MAX, 0, UINT32_MAX },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "11", 10, -EBADMSG, 0 },
		{ "4294967296", UINT32_MAX, -EBADMSG, 0 },
		{ "18446744073709551616", UINT64_MAX, -EBADMSG, 0 },
		{ "99999999999999999999999", UINT64_MAX, -EBADMSG, 0 },
		{ "01", 10, -EBADMSG, 0 },
		{ "00", 10, -EBADMSG, 0 },
		{ "-1", UINT64_MAX, -EBADMSG, 0 },
		{ "+1", UINT64_MAX, -EBADMSG, 0 },
		{ " 1", 10, -EBADMSG, 0 },
		{ "1 ", 10, -EBADMSG, 0 },
		{ "1x", 10, -EBADMSG, 0 },
		{ "0x1", 10, -EBADMSG, 0 },
		{ "", 10, -EBADMSG, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t value = 77;
		int ret = parse_number(cases[i].text, strlen(cases[i].text), cases[i].max, &value);

		if (ret != cases[i].ret || value != (ret ? 77 : cases[i].value))
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void test_bset(void **state)
{
	uint64_t set;

	(void)state;
	assert_int_equal(parse_bset("4294967295\t511\n", &set), 0);
	assert_int_equal(set, 0x1ffffffffff);
	assert_int_equal(parse_bset("4294967295 511", &set), 0);
	assert_int_equal(parse_bset("0\t0\n", &set), 0);
	assert_int_equal(set, 0);
	assert_int_equal(parse_bset("", &set), -EBADMSG);
	assert_int_equal(parse_bset("1\n", &set), -EBADMSG);
	assert_int_equal(parse_bset("1 2 3\n", &set), -EBADMSG);
	assert_int_equal(parse_bset("-1 511\n", &set), -EBADMSG);
	assert_int_equal(parse_bset("01 511\n", &set), -EBADMSG);
	assert_int_equal(parse_bset("4294967296 0\n", &set), -EBADMSG);
	assert_int_equal(parse_bset("1x 0\n", &set), -EBADMSG);
}

static void test_label(void **state)
{
	static const struct {
		const char *text;
		int ret;
		const char *label;
	} cases[] = {
		{ "unconfined\n", 0, "" },
		{ "unconfined", 0, "" },
		{ "docker-default (enforce)\n", 0, "docker-default" },
		{ "docker-default (complain)\n", 0, "docker-default" },
		{ "crun (unconfined)\n", 0, "crun" },
		{ "/usr/sbin/x//null-y (enforce)\n", 0, "/usr/sbin/x//null-y" },
		{ "a//&:lxd-c1_<x>:unconfined (enforce)\n", -EPERM, NULL },
		{ ":ns://profile (enforce)\n", -EPERM, NULL },
		{ "", -EBADMSG, NULL },
		{ "\n", -EBADMSG, NULL },
		{ "a\nb\n", -EBADMSG, NULL },
	};
	char label[LABEL_LEN], longest[LABEL_LEN + 8];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int ret = parse_label(cases[i].text, label);

		if (ret != cases[i].ret || (ret == 0 && strcmp(label, cases[i].label) != 0))
			fail_msg("%s: %d", cases[i].text, ret);
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(parse_label(longest, label), -EBADMSG);
}

static void test_cgroup(void **state)
{
	char path[32];

	(void)state;
	assert_int_equal(parse_cgroup("1:cpu:/x\n0::/system.slice/a\n", path, sizeof(path)), 0);
	assert_string_equal(path, "system.slice/a");
	assert_int_equal(parse_cgroup("0::/\n", path, sizeof(path)), 0);
	assert_string_equal(path, "");
	assert_int_equal(parse_cgroup("1:cpu:/x\n", path, sizeof(path)), -EBADMSG);
	assert_int_equal(parse_cgroup("0::/0123456789012345678901234567890123456789\n", path,
				      sizeof(path)),
			 -ENAMETOOLONG);
}

static void test_filters(void **state)
{
	static const struct {
		const char *text;
		int ret;
	} cases[] = {
		{ "Name:\tsh\nSeccomp:\t2\nSeccomp_filters:\t17\nCpus_allowed:\t3\n", 17 },
		{ "Seccomp_filters:\t0\n", 0 },
		{ "Name:\tSeccomp_filters:\t17\nSeccomp:\t2\n", -EBADMSG },
		{ "Seccomp_filters:\t1\nSeccomp_filters:\t1\n", -EBADMSG },
		{ "Seccomp_filters:\t\n", -EBADMSG },
		{ "Seccomp_filters:\t4294967296\n", -EBADMSG },
	};
	uint64_t count;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int ret = parse_filters(cases[i].text, &count);

		if ((ret < 0 ? ret : (int)count) != cases[i].ret)
			fail_msg("%s: %d", cases[i].text, ret);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),	cmocka_unit_test(test_bset),
		cmocka_unit_test(test_label),	cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
