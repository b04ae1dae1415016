// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers, escapes, names; and the hash table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hash.h"
#include "list.h"
#include "text.h"

static void test_number(void **state)
{
	static const struct {
		const char *desc;
		const char *text;
		uint64_t min, max;
		int ret;
		uint64_t value;
	} cases[] = {
		{ "plain", "42", 0, 100, 0, 42 },
		{ "zero", "0", 0, 100, 0, 0 },
		{ "largest", "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
		{ "one more than the largest", "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
		{ "far too long", "99999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
		{ "too small", "0", 1, 100, -ERANGE, 0 },
		{ "too large", "101", 1, 100, -ERANGE, 0 },
		{ "empty", "", 0, 100, -EINVAL, 0 },
		{ "sign", "-1", 0, 100, -EINVAL, 0 },
		{ "plus", "+1", 0, 100, -EINVAL, 0 },
		{ "leading zero", "01", 0, 100, -EINVAL, 0 },
		{ "leading blank", " 1", 0, 100, -EINVAL, 0 },
		{ "unit", "30s", 0, 100, -EINVAL, 0 },
		{ "hexadecimal", "0x10", 0, 100, -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 0;
		int ret = text_number(cases[i].text, cases[i].min, cases[i].max, &value);

		if (ret != cases[i].ret || value != cases[i].value)
			fail_msg("%s: %d, %llu", cases[i].desc, ret, (unsigned long long)value);
	}
}

/* What sd-bus would not take is escaped, what it takes stays as it is. */
static void test_utf8(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "", "" },
		{ "plain \\x41 text", "plain \\x41 text" },
		{ "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80",
		  "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "c\xff", "c\\xff" },
		{ "\x1b]0;\x07\x7f", "\\x1b]0;\\x07\\x7f" }, /* a terminal's title */
		{ "\xc2\x9b"
		  "2J\xc2\xa0",
		  "\\xc2\\x9b2J\xc2\xa0" }, /* the same in one character */
		{ "a\n\tb", "a\n\tb" },
		{ "\xc3", "\\xc3" },
		{ "\xc3(", "\\xc3(" },
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\xc0\xaf", "\\xc0\\xaf" },				 /* overlong */
		{ "\xe0\x80\x80", "\\xe0\\x80\\x80" },			 /* overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },			 /* surrogate */
		{ "\xef\xbf\xbf", "\\xef\\xbf\\xbf" },			 /* no character */
		{ "\xef\xb7\x90", "\\xef\\xb7\\x90" },			 /* no character */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },		 /* too large */
		{ "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80" }, /* no such length */
	};
	char out[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text_utf8(cases[i].text, out, sizeof(out));
		assert_string_equal(out, cases[i].expected);
	}
	/* cut, but not within a character or an escape */
	text_utf8("ab\xff", out, 6);
	assert_string_equal(out, "ab");
	text_utf8("ab\xff", out, 7);
	assert_string_equal(out, "ab\\xff");
	text_utf8("ab\xc3\xbc", out, 4);
	assert_string_equal(out, "ab");
	text_utf8("abcdefghijk\xc3\xbc\xc3\xbc\xc3\xbc", out, 16);
	assert_string_equal(out, "abcdefghijk...");
}

static void test_escape(void **state)
{
	static const struct {
		const char *desc;
		const char *data;
		size_t size;
		size_t room;
		const char *expected;
	} cases[] = {
		{ "plain", "abc", 3, 16, "abc" },
		{ "newline", "a\nb", 3, 16, "a\\x0ab" },
		{ "NUL", "a\0b", 3, 16, "a\\x00b" },
		{ "backslash", "\\", 1, 16, "\\x5c" },
		{ "high bytes", "\xff\x80", 2, 16, "\\xff\\x80" },
		{ "escape sequence", "\x1b[31m", 5, 16, "\\x1b[31m" },
		{ "cut between", "abcdef", 6, 4, "abc" },
		{ "never within an escape", "ab\n", 3, 6, "ab" },
		{ "room for the NUL only", "abc", 3, 1, "" },
		{ "just enough", "abcdefghijklmno", 15, 16, "abcdefghijklmno" },
		{ "one too many", "abcdefghijklmnop", 16, 16, "abcdefghijkl..." },
		{ "the mark is not within an escape", "abcdefghij\n\n", 12, 16, "abcdefghij..." },
		{ "nothing", "", 0, 4, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[16] = "untouched";

		text_escape(cases[i].data, cases[i].size, out, cases[i].room);
		if (strcmp(out, cases[i].expected))
			fail_msg("%s: '%s'", cases[i].desc, out);
	}
}

static void test_show(void **state)
{
	char out[32];

	text_show("a\\x2d\n\xc3\xa9", 8, out, sizeof(out));
	assert_string_equal(out, "a\\x2d\\x0a\\xc3\\xa9");
}

static void test_name(void **state)
{
	static const struct {
		const char *desc;
		const char *name;
		bool good;
	} cases[] = {
		{ "plain", "web", true },
		{ "digit first", "1web", true },
		{ "all kinds", "a-b_c.d9", true },
		{ "63 bytes", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  true },
		{ "64 bytes", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  false },
		{ "empty", "", false },
		{ "dot first", ".web", false },
		{ "dash first", "-web", false },
		{ "upper case", "Web", false },
		{ "slash", "a/b", false },
		{ "blank", "a b", false },
		{ "instance", "a@b", false },
		{ "newline", "web\n", false },
		{ "high byte", "web\xc3\xa4", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (text_is_name(cases[i].name) != cases[i].good)
			fail_msg("%s", cases[i].desc);
}

static void test_plain(void **state)
{
	assert_true(text_plain("docker 1.2", 10));
	assert_false(text_plain("docker 1.2", 9));
	assert_false(text_plain("", 9));
	assert_false(text_plain("a\nb", 9));
}

static void test_ends_with(void **state)
{
	assert_true(text_ends_with("web.conf", ".conf"));
	assert_false(text_ends_with(".conf", ".conf"));
	assert_false(text_ends_with("conf", ".conf"));
	assert_false(text_ends_with("web.conf.d", ".conf"));
	assert_false(text_ends_with("", ".conf"));
}

static void test_strv(void **state)
{
	char **strv = NULL, **copy;

	assert_int_equal(strv_count(NULL), 0);
	assert_int_equal(strv_append(&strv, "one", 3), 0);
	assert_int_equal(strv_append(&strv, "two-cut", 3), 0);
	assert_int_equal(strv_count(strv), 2);
	assert_int_equal(strv_copy(strv, &copy), 0);
	assert_string_equal(copy[1], "two");
	assert_null(copy[2]);
	strv_free(strv);
	strv_free(copy);
	assert_null(strv_free(NULL));
}

struct element {
	struct hash_node node;
	unsigned int number;
};

static void test_hash(void **state)
{
	enum {
		COUNT = 10000
	};
	struct element *elements = calloc(COUNT, sizeof(*elements));
	struct hash hash = HASH_NULL;

	assert_non_null(elements);
	assert_null(hash_first(&hash, 1));
	for (unsigned int i = 0; i < COUNT; i++) {
		elements[i].number = i;
		/* two of each key */
		assert_int_equal(hash_add(&hash, &elements[i].node, i / 2), 0);
	}
	assert_int_equal(hash.count, COUNT);
	for (unsigned int i = 0; i < COUNT; i += 2) {
		struct hash_node *node = hash_first(&hash, i / 2);

		assert_non_null(node);
		assert_int_equal(container_of(node, struct element, node)->number / 2, i / 2);
		node = hash_next(node);
		assert_non_null(node);
		assert_null(hash_next(node));
		hash_remove(&hash, &elements[i].node);
		hash_remove(&hash, &elements[i].node);
	}
	assert_int_equal(hash.count, COUNT / 2);
	hash_clear(&hash);
	free(elements);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),	  cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_escape),	  cmocka_unit_test(test_show),
		cmocka_unit_test(test_name),	  cmocka_unit_test(test_plain),
		cmocka_unit_test(test_strv),	  cmocka_unit_test(test_hash),
		cmocka_unit_test(test_ends_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
