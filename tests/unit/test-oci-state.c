// SPDX-License-Identifier: GPL-2.0-or-later
/* The state that an OCI runtime gives its hooks: what is no state is refused, and nothing is
 * guessed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oci-state.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *text;
	const char *id;
	pid_t pid;
} good[] = {
	{ "{\"ociVersion\":\"1.0\",\"id\":\"web\",\"pid\":4711,\"root\":\"r\",\"bundle\":\"/b\",\"status\":\"created\"}",
	  "web", 4711 },
	{ "{\"id\":\"Web_1.a+b-c\",\"pid\":2147483647}\n", "Web_1.a+b-c", INT32_MAX },
	{ "{\"id\":\"web\",\"pid\":0,\"status\":\"stopped\"}", "web", 0 },
	{ "{\"id\":\"web\",\"status\":\"stopped\"}", "web", 0 },
	{ "{\"id\":\"w\\u0065b\",\"pid\":1}", "web", 1 },
	/* whatever an image says is not looked at */
	{ "{\"annotations\":{\"id\":\"db\",\"pid\":\"1\"},\"id\":\"web\",\"pid\":7}", "web", 7 },
};

static const struct {
	const char *text;
	const char *reason; /* a part of it */
} bad[] = {
	{ "", "empty" },
	{ " ", "ends within" },
	{ "{\"id\":\"web\",\"pid\":1", "ends within" },
	{ "{\"id\":\"web\",\"pid\":1}}", "no JSON at byte 20" },
	{ "{\"id\":\"web\",\"pid\":1}{}", "no JSON" },
	{ "{id:\"web\",\"pid\":1}", "no JSON" },
	{ "{\"id\":'web',\"pid\":1}", "no JSON" },
	{ "{\"id\":\"web\",\"pid\":1,}", "no JSON" },
	{ "{\"id\":\"w\xffz\",\"pid\":1}", "no JSON" },
	{ "null ", "no JSON object" },
	{ "7", "ends within" },
	{ "[{\"id\":\"web\",\"pid\":1}]", "no JSON object" },
	{ "{}", "id: missing" },
	{ "{\"pid\":1}", "id: missing" },
	{ "{\"ID\":\"web\",\"pid\":1}", "id: missing" },
	{ "{\"id\":null,\"pid\":1}", "id: no string" },
	{ "{\"id\":7,\"pid\":1}", "id: no string" },
	{ "{\"id\":[\"web\"],\"pid\":1}", "id: no string" },
	{ "{\"id\":\"\",\"pid\":1}", "id: 0 bytes" },
	{ "{\"id\":\"a/b\",\"pid\":1}", "id: byte 1" },
	{ "{\"id\":\"a b\",\"pid\":1}", "id: byte 1" },
	{ "{\"id\":\"\\n\",\"pid\":1}", "id: byte 0" },
	{ "{\"id\":\"web\\u0000x\",\"pid\":1}", "id: byte 3" },
	{ "{\"id\":\"web\\u00e9\",\"pid\":1}", "id: byte 3" },
	{ "{\"id\":\"web\",\"pid\":null}", "pid: no whole number" },
	{ "{\"id\":\"web\",\"pid\":\"1\"}", "pid: no whole number" },
	{ "{\"id\":\"web\",\"pid\":true}", "pid: no whole number" },
	{ "{\"id\":\"web\",\"pid\":1.0}", "pid: no whole number" },
	{ "{\"id\":\"web\",\"pid\":1e3}", "pid: no whole number" },
	{ "{\"id\":\"web\",\"pid\":-1}", "pid: not from 0" },
	{ "{\"id\":\"web\",\"pid\":-4294967295}", "pid: not from 0" },
	{ "{\"id\":\"web\",\"pid\":2147483648}", "pid: not from 0" },
	{ "{\"id\":\"web\",\"pid\":4294967297}", "pid: not from 0" },		/* 1 in 32 bits */
	{ "{\"id\":\"web\",\"pid\":9223372036854775808}", "pid: not from 0" },	/* beyond int64_t */
	{ "{\"id\":\"web\",\"pid\":18446744073709551617}", "pid: not from 0" }, /* 1 in 64 bits */
	{ "{\"id\":\"web\",\"pid\":-9223372036854775809}", "pid: not from 0" },
};

static void test_good(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char reason[OCI_REASON_SIZE] = "";
		struct oci_state got;

		print_message("%s\n", good[i].text);
		assert_int_equal(oci_state_parse(good[i].text, strlen(good[i].text), &got, reason),
				 0);
		assert_string_equal(got.id, good[i].id);
		assert_int_equal(got.pid, good[i].pid);
	}
}

static void refused(const char *text, size_t size, const char *expected)
{
	char reason[OCI_REASON_SIZE] = "";
	struct oci_state got;

	assert_int_equal(oci_state_parse(text, size, &got, reason), -EBADMSG);
	print_message("%s\n", reason);
	assert_non_null(strstr(reason, expected));
}

static void test_bad(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("%s\n", bad[i].text);
		refused(bad[i].text, strlen(bad[i].text), bad[i].reason);
	}
}

static void test_nul(void **state)
{
	static const char text[] = "{\"id\":\"web\",\"pid\":1}\0{\"id\":\"db\"}";

	refused(text, sizeof(text) - 1, "NUL");
}

/* So many bytes in each place where a string may be. */
static void test_sizes(void **state)
{
	static const struct {
		const char *before, *after;
		size_t size;
		const char *reason; /* NULL: good */
	} cases[] = {
		{ "{\"id\":\"", "\",\"pid\":1}", OCI_ID_MAX, NULL },
		{ "{\"id\":\"", "\",\"pid\":1}", OCI_ID_MAX + 1, "id: 256 bytes" },
		{ "{\"id\":\"", "\",\"pid\":1}", 900000, "id: 900000 bytes" },
		{ "{\"id\":\"x\",\"annotations\":{\"", "\":\"\"}}", 900000, NULL },
		{ "{\"id\":\"x\",\"annotations\":{\"a\":\"", "\"}}", 25000000, NULL },
		{ "{\"id\":\"x\",\"annotations\":{\"a\":\"", "\"}}", OCI_TEXT_MAX,
		  "longer than 33554432" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t before = strlen(cases[i].before), after = strlen(cases[i].after);
		size_t size = before + cases[i].size + after;
		char reason[OCI_REASON_SIZE] = "", *text = malloc(size);
		struct oci_state got;

		assert_non_null(text);
		memcpy(text, cases[i].before, before);
		memset(text + before, 'a', cases[i].size);
		memcpy(text + size - after, cases[i].after, after);
		if (cases[i].reason)
			refused(text, size, cases[i].reason);
		else
			assert_int_equal(oci_state_parse(text, size, &got, reason), 0);
		free(text);
	}
}

static void test_nesting(void **state)
{
	enum {
		DEPTH = 400000
	};
	static const char start[] = "{\"id\":\"web\",\"pid\":1,\"annotations\":";
	char *text = malloc(sizeof(start) + DEPTH);

	assert_non_null(text);
	memcpy(text, start, sizeof(start));
	memset(text + sizeof(start) - 1, '[', DEPTH);
	refused(text, sizeof(start) - 1 + DEPTH, "nesting");
	memset(text, '{', DEPTH);
	refused(text, DEPTH, "no JSON");
	free(text);
}

static void test_names(void **state)
{
	static const struct {
		const char *prefix;
		const char *id;
		const char *name; /* NULL: too long */
	} cases[] = {
		{ "oci-", "web", "oci-web" },
		{ "", "web", "web" },
		{ "oci-", HEX64, "oci-0123456789ab" },
		{ "oci-", HEX64 "0", NULL },
		{ "oci-", "Z123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		  NULL },
		{ "", "a123456789a123456789a123456789a123456789a123456789a123456789abc",
		  "a123456789a123456789a123456789a123456789a123456789a123456789abc" },
		{ "o", "a123456789a123456789a123456789a123456789a123456789a123456789abc", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[OCI_NAME_SIZE];
		int r = oci_name(cases[i].prefix, cases[i].id, name);

		assert_int_equal(r, cases[i].name ? 0 : -ENAMETOOLONG);
		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nul),	cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_nesting), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
