// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers that people type: the exact value or an error, never 0 by accident. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "number.h"

#define UNTOUCHED 77

static const struct {
	const char *text;
	int result;
	uint32_t number;
} cases[] = {
	{ .text = "1", .number = 1 },
	{ .text = "4711", .number = 4711 },
	{ .text = "2147483647", .number = INT32_MAX },
	{ .text = "0", .result = -ERANGE },
	{ .text = "2147483648", .result = -ERANGE },
	{ .text = "4294967295", .result = -ERANGE },
	{ .text = "4294967297", .result = -ERANGE },	       /* 1 in 32 bits */
	{ .text = "18446744073709551617", .result = -ERANGE }, /* 1 in 64 bits */
	{ .text = "", .result = -EINVAL },
	{ .text = "01", .result = -EINVAL },
	{ .text = "-1", .result = -EINVAL },
	{ .text = "+1", .result = -EINVAL },
	{ .text = " 1", .result = -EINVAL },
	{ .text = "1 ", .result = -EINVAL },
	{ .text = "1x", .result = -EINVAL },
	{ .text = "0x1", .result = -EINVAL },
	{ .text = "1e3", .result = -EINVAL },
	{ .text = "\xd9\xa1", .result = -EINVAL }, /* a digit, but not ours */
};

static void test_numbers(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t number = UNTOUCHED;

		print_message("'%s'\n", cases[i].text);
		assert_int_equal(parse_number(cases[i].text, 1, INT32_MAX, &number),
				 cases[i].result);
		assert_int_equal(number, cases[i].result ? UNTOUCHED : cases[i].number);
	}
}

static void test_zero_where_allowed(void **state)
{
	uint32_t number = UNTOUCHED;

	assert_int_equal(parse_number("0", 0, 10, &number), 0);
	assert_int_equal(number, 0);
}

static void test_ids(void **state)
{
	uint64_t id = UNTOUCHED;

	assert_int_equal(parse_id("0", &id), -ERANGE);
	assert_int_equal(parse_id("18446744073709551616", &id), -ERANGE);
	assert_int_equal(parse_id("99999999999999999999999", &id), -ERANGE);
	assert_int_equal(parse_id("7 ", &id), -EINVAL);
	assert_true(id == UNTOUCHED);
	assert_int_equal(parse_id("18446744073709551615", &id), 0);
	assert_true(id == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_zero_where_allowed),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
