// SPDX-License-Identifier: GPL-2.0-or-later
/* monitor --native: a line for each event, and nothing in it that a requester's text could forge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "json.h"
#include "native-print.h"

static const struct native_options text = { 0 };
static const struct native_options text_namespaces = { .namespaces = true };
static const struct native_options json = { .json = true };

static char printed[8192];
static int saved_stdout;
static FILE *captured;

static void capture(void)
{
	fflush(stdout);
	saved_stdout = dup(STDOUT_FILENO);
	captured = tmpfile();
	assert_non_null(captured);
	assert_true(dup2(fileno(captured), STDOUT_FILENO) >= 0);
}

static void captured_end(void)
{
	size_t size;

	fflush(stdout);
	assert_true(dup2(saved_stdout, STDOUT_FILENO) >= 0);
	close(saved_stdout);
	rewind(captured);
	size = fread(printed, 1, sizeof(printed) - 1, captured);
	printed[size] = '\0';
	fclose(captured);
}

static const char *print(const struct native_options *options, const struct native_event *event)
{
	capture();
	native_print(options, event);
	captured_end();
	return printed;
}

#define BYTES(literal)                       \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static struct native_event key_event(void)
{
	struct native_event event = { .at = 1000 };

	strcpy(event.container, "web");
	event.tags = (struct tags){
		.class = UPCALL_CLASS_KEY,
		.wait = UPCALL_WAIT_EXEC | UPCALL_WAIT_PROC,
		.tid = 12,
		.tgid = 11,
		.uid = 100000,
		.scope = UPCALL_SCOPE_CONTAINER,
		.container = 17,
		.verdict = UPCALL_VERDICT_NATIVE,
		.path = BYTES("/sbin/request-key"),
		.comm = BYTES("sleep"),
		.argv = BYTES("/sbin/request-key\0create\0-5\0"),
		.envp = BYTES("HOME=/\0PATH=/bin\0"),
		.key = { .present = true,
			 .serial = 7,
			 .type = BYTES("user"),
			 .description = BYTES("a \"b\"") },
	};
	event.tags.ns[UPCALL_NS_PID] = 101;
	event.tags.ns[UPCALL_NS_TIME] = 108;
	return event;
}

static void test_text(void **state)
{
	struct native_event event = key_event();

	(void)state;
	assert_non_null(strstr(print(&text, &event),
			       " native  key/user          container    web          sleep[11]"));
	assert_non_null(strstr(printed, " 100000 /sbin/request-key create -5\n"));
	assert_null(strstr(printed, "pid:"));
	assert_non_null(strstr(print(&text_namespaces, &event),
			       "pid:101 mnt:0 net:0 user:0 uts:0 ipc:0 cgroup:0 time:108 /sbin"));
	event.tags.verdict = UPCALL_VERDICT_DENY;
	event.tags.scope = 77;
	event.container[0] = '\0';
	assert_non_null(strstr(print(&text, &event), " refused key/user          unknown      - "));
}

static void test_forged(void **state)
{
	struct native_event event = key_event();

	(void)state;
	event.tags.comm = (struct tags_text)BYTES("\033[2J\n\xc2\x9b");
	event.tags.argv = (struct tags_text)BYTES("x\0one\n09:00:00.000 native\0");
	print(&text, &event);
	assert_non_null(strstr(printed, "\\x1b[2J\\x0a\\xc2\\x9b[11]"));
	assert_non_null(strstr(printed, "one\\x0a09:00"));
	assert_ptr_equal(strchr(printed, '\n'), printed + strlen(printed) - 1);
}

/* Longer than what is escaped at once. */
static void test_long(void **state)
{
	struct native_event event = key_event();
	static char path[1000];

	(void)state;
	memset(path, '\001', sizeof(path));
	event.tags.path = (struct tags_text){ path, sizeof(path) };
	print(&text, &event);
	assert_int_equal(strspn(strstr(printed, "\\x01"), "\\x01"), 4 * sizeof(path));
}

static void test_json(void **state)
{
	struct native_event event = key_event();

	(void)state;
	print(&json, &event);
	assert_non_null(strstr(printed, "\"event\": \"native\""));
	assert_non_null(strstr(printed, "\"waits-for\": \"exit\""));
	assert_non_null(strstr(printed, "\"container\": \"web\",\"container-id\": 17"));
	assert_non_null(
		strstr(printed, "\"arguments\": [\"/sbin/request-key\",\"create\",\"-5\"]"));
	assert_non_null(strstr(printed, "\"environment\": [\"HOME=/\",\"PATH=/bin\"]"));
	assert_non_null(strstr(printed, "\"description\": \"a \\\"b\\\"\""));
	assert_non_null(strstr(printed, "\"namespaces\": {\"pid\": 101,"));
	assert_null(strstr(printed, "\"core\""));
	assert_ptr_equal(strchr(printed, '\n'), printed + strlen(printed) - 1);
}

static void test_empty(void **state)
{
	struct native_event event = { 0 };

	(void)state;
	assert_non_null(strstr(print(&text, &event), " native  core "));
	assert_non_null(strstr(print(&json, &event), "\"arguments\": []"));
}

static void test_lost(void **state)
{
	(void)state;
	capture();
	native_print_lost(&text, 0, 0);
	native_print_lost(&text, 0, 3);
	native_print_lost(&json, 5, 0);
	native_print_lost(&json, 5, 3);
	captured_end();
	assert_non_null(strstr(printed, "lost    some upcalls"));
	assert_non_null(strstr(printed, "lost    3 upcalls"));
	assert_non_null(strstr(printed, "{\"event\": \"lost\",\"at\": 5}\n"));
	assert_non_null(strstr(printed, "{\"event\": \"lost\",\"at\": 5,\"count\": 3}\n"));
}

static void test_heading(void **state)
{
	(void)state;
	capture();
	native_print_heading(&json);
	captured_end();
	assert_string_equal(printed, "");
	capture();
	native_print_heading(&text);
	captured_end();
	assert_null(strstr(printed, "NAMESPACES"));
	assert_non_null(strstr(printed, "COMMAND\n"));
}

/* No text of anybody's makes a terminal obey: in UTF-8 such an order may have two bytes. */
static void test_json_controls(void **state)
{
	capture();
	json_open(NULL, '{');
	json_string("k", "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0\x1b\x7f\x9b");
	json_close('}');
	captured_end();
	assert_string_equal(printed,
			    "{\"k\": \"\\u0080\\u009b\\u009f\xc2\xa0\\u001b\\u007f\\ufffd\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	cmocka_unit_test(test_forged),
		cmocka_unit_test(test_long),	cmocka_unit_test(test_json),
		cmocka_unit_test(test_empty),	cmocka_unit_test(test_lost),
		cmocka_unit_test(test_heading), cmocka_unit_test(test_json_controls),
	};

	json_one_line();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
