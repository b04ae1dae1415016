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

static const char status_good[] = "Name:\tbash\nUmask:\t0022\nUid:\t1000\t1001\t1002\t1003\n"
				  "Gid:\t5\t6\t7\t8\nGroups:\t \nCapInh:\t0000000000000000\n"
				  "CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n"
				  "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";

static void test_status(void **state)
{
	static const char *const needed[] = { "Uid:", "Gid:", "CapBnd:", "NoNewPrivs:", "Seccomp:" };
	struct status_facts facts;
	char text[sizeof(status_good) + 64];

	(void)state;
	assert_int_equal(parse_status(status_good, &facts), 0);
	assert_int_equal(facts.uid, 1001);
	assert_int_equal(facts.gid, 6);
	assert_int_equal(facts.cap_bounding, 0x1ffffffffff);
	assert_int_equal(facts.seccomp, 2);
	assert_true(facts.no_new_privs);
	for (size_t i = 0; i < COUNT(needed); i++) {
		/* absent */
		strcpy(text, status_good);
		*strstr(text, needed[i]) = '_';
		assert_int_equal(parse_status(text, &facts), -EBADMSG);
		/* twice */
		strcpy(text, status_good);
		strcat(text, needed[i]);
		strcat(text, "\t0\n");
		assert_int_equal(parse_status(text, &facts), -EBADMSG);
	}
}

static void test_status_malformed(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "CapBnd:\t000001", "CapBnd:\t00001" },
		{ "CapBnd:\t0000", "CapBnd:\t0x00" },
		{ "CapBnd:\t0000", "CapBnd:\t00000" },
		{ "NoNewPrivs:\t1", "NoNewPrivs:\t2" },
		{ "Seccomp:\t2", "Seccomp:\t-2" },
		{ "Uid:\t1000\t", "Uid:\t1000x" },
		{ "1003\n", "1003\t5\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *at = strstr(status_good, cases[i].from);
		struct status_facts facts;
		char text[sizeof(status_good) + 64];
		size_t before;

		assert_non_null(at);
		before = (size_t)(at - status_good);
		memcpy(text, status_good, before);
		strcpy(text + before, cases[i].to);
		strcat(text, at + strlen(cases[i].from));
		if (parse_status(text, &facts) != -EBADMSG)
			fail_msg("accepted: %s", cases[i].to);
	}
}

static void test_pidfd_info(void **state)
{
	uint32_t pid;

	(void)state;
	assert_int_equal(
		parse_pidfd_info("pos:\t0\nflags:\t02000002\nPid:\t17\nNSpid:\t17\n", &pid), 0);
	assert_int_equal(pid, 17);
	assert_int_equal(parse_pidfd_info("Pid:\t-1\n", &pid), -ESRCH);
	assert_int_equal(parse_pidfd_info("Pid:\t0\n", &pid), -ESRCH);
	assert_int_equal(parse_pidfd_info("NSpid:\t17\n", &pid), -EBADMSG);
	assert_int_equal(parse_pidfd_info("", &pid), -EBADMSG);
}

static void test_id_map(void **state)
{
	static const struct {
		const char *text;
		uint32_t outside;
		int ret;
		uint32_t inside;
	} cases[] = {
		{ "         0          0 4294967295\n", 0, 0, 0 },
		{ "         0     100000      65536\n", 100005, 0, 0 },
		{ "         0     100000      65536\n", 0, 0, 0 },
		{ "      1000     100000         10\n", 100005, 0, 1005 },
		{ "      1000     100000         10\n", 100010, -EPERM, 0 },
		{ "      1000     100000         10\n", 99999, -EPERM, 0 },
		{ "      1000     100000 1\n         0     200000 1\n", 100000, 0, 0 },
		{ "     65534     100000          1\n", 100000, -EPERM, 0 },
		{ "", 0, -EPERM, 0 },
		{ "0 0\n", 0, -EBADMSG, 0 },
		{ "0 0 1 1\n", 0, -EBADMSG, 0 },
		{ "-1 0 1\n", 0, -EBADMSG, 0 },
		{ "00 0 1\n", 0, -EBADMSG, 0 },
		{ "0 0 1x\n", 0, -EBADMSG, 0 },
		{ "0 0 1\n\n", 0, -EBADMSG, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t inside = 77;
		int ret = parse_id_map(cases[i].text, cases[i].outside, &inside);

		if (ret != cases[i].ret || inside != (ret ? 77 : cases[i].inside))
			fail_msg("case %zu: %d, %u", i, ret, inside);
	}
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

static void test_cgroup_v1(void **state)
{
	static const char ours[] = "4:devices:/ours\n3:cpu,cpuacct:/\n1:name=systemd:/a\n0::/a\n";

	(void)state;
	assert_true(parse_cgroup_v1_is_same("0::/b\n", "0::/a\n"));
	assert_true(parse_cgroup_v1_is_same(ours, ours));
	assert_true(parse_cgroup_v1_is_same("4:devices:/ours\n1:name=systemd:/b\n0::/b", ours));
	assert_false(parse_cgroup_v1_is_same("4:devices:/our\n0::/b\n", ours));
	assert_false(parse_cgroup_v1_is_same("4:devices:/ours/\n0::/b\n", ours));
	assert_false(parse_cgroup_v1_is_same("9:pids:/\n", ours));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),	   cmocka_unit_test(test_bset),
		cmocka_unit_test(test_status),	   cmocka_unit_test(test_status_malformed),
		cmocka_unit_test(test_pidfd_info), cmocka_unit_test(test_id_map),
		cmocka_unit_test(test_label),	   cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_cgroup_v1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
