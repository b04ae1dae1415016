// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcall-oci-hook: what it does itself, and that the rest, whatever it is, comes to the other
 * program as if that one had been executed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-daemon.h"
#include "hook-run.h"

#define WITHOUT "{\"process\":{\"args\":[\"/bin/true\"]},\"linux\":{\"namespaces\":[]}}"

static int require_root(void **state)
{
	return geteuid() == 0 ? 0 : -1;
}

static void is_left(const char *arguments, const char *input)
{
	char begin[256];

	snprintf(begin, sizeof(begin), "left: %s\n", arguments);
	assert_ptr_equal(strstr(hook_output, begin), hook_output);
	assert_non_null(strstr(hook_output + strlen(begin), input));
}

static void test_done(void **state)
{
	struct fake_daemon fake = { .name = "oci-web", .leader = (uint32_t)getpid() };
	char directory[HOOK_BUNDLE_SIZE], input[160];

	fake_daemon_start(&fake);
	snprintf(input, sizeof(input), "printf '{\"id\":\"web\",\"pid\":%d}'", (int)getpid());
	assert_int_equal(hook_run(input, "createRuntime"), 0);
	assert_string_equal(hook_output, "");
	/* another process */
	assert_int_equal(hook_run(STATE("web"), "createRuntime"), 0);
	is_left("createRuntime", "{\"id\":\"web\",");
	fake_daemon_stop(&fake);

	fake.leader = 0;
	fake_daemon_start(&fake);
	hook_bundle_make(WITHOUT, directory);
	hook_bundle_state(directory, input, sizeof(input));
	assert_int_equal(hook_run(input, "createRuntime"), 0);
	assert_string_equal(hook_output, "");
	hook_bundle_remove(directory);
	fake_daemon_stop(&fake);
}

/* It is left before anybody is asked, who would take this one, and before anything is read. */
static void test_other_arguments(void **state)
{
	static const char *const cases[] = {
		"poststop",
		"createRuntime --required",
		"--prefix x createRuntime",
		"createRuntime poststop",
		"createruntime",
		"--help",
	};
	struct fake_daemon fake = { .name = "oci-web" };

	fake_daemon_start(&fake);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hook_run(STATE("web"), cases[i]), 0);
		is_left(cases[i], "{\"id\":\"web\",");
	}
	fake_daemon_stop(&fake);
}

/* What the other one has to look at, too. */
static void test_other_input(void **state)
{
	static const char *const inputs[] = {
		"printf '{\"id\":\"web\"'",
		"printf '{\"id\":\"we/b\",\"pid\":%d}' $$",
		STOPPED,
		UNKNOWN_PID,
	};
	struct fake_daemon fake = { .name = "oci-web" };

	fake_daemon_start(&fake);
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		assert_int_equal(hook_run(inputs[i], "createRuntime"), 0);
		is_left("createRuntime", "{\"id\":\"we");
	}
	assert_int_equal(hook_run(":", "createRuntime"), 0);
	assert_string_equal(hook_output, "left: createRuntime\n");
	/* more than a pipe holds */
	assert_int_equal(hook_run("yes | head -n 500000", "createRuntime | tail -c +7 | wc -c"), 0);
	assert_string_equal(hook_output, "1000014\n");
	fake_daemon_stop(&fake);
}

static void test_other_bundles(void **state)
{
	static const char *const configs[] = {
		"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}",
		"{\"linux\":{\"\\u0073eccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}",
		"",
		NULL,
	};
	struct fake_daemon fake = { .name = "oci-web" };
	char directory[HOOK_BUNDLE_SIZE], input[160];

	fake_daemon_start(&fake);
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		hook_bundle_make(configs[i], directory);
		hook_bundle_state(directory, input, sizeof(input));
		assert_int_equal(hook_run(input, "createRuntime"), 0);
		is_left("createRuntime", "{\"id\":\"web\",");
		hook_bundle_remove(directory);
	}
	fake_daemon_stop(&fake);
}

/* Whatever upcalld says against it, at once. */
static void test_not_done(void **state)
{
	struct fake_daemon cases[] = {
		{ .error_name = "org.upcalld.Error.NameTaken", .error_text = "somebody has it" },
		{ .hang_up = true },
		{ .says = "REJECTED EXTERNAL\r\n" },
		{ .says = "DATA\r\nREJECTED\r\n" },
		{ .says = "DATA\r\nOK 01234567890123456789012345678901\n\nl\2\1\1" },
		{ .says = "DATA\r\nOK 01234567890123456789012345678901\r\nx\2\1\1" },
		{ .says = "DATA\r\nOK 01234567890123456789012345678901\r\nl\3\1\1" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_daemon_start(&cases[i]);
		assert_int_equal(hook_run(STATE("web"), "createRuntime"), 0);
		is_left("createRuntime", "{\"id\":\"web\",");
		assert_true(hook_took < 3);
		fake_daemon_stop(&cases[i]);
	}
	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
	assert_int_equal(hook_run(STATE("web"), "createRuntime"), 0);
	is_left("createRuntime", "{\"id\":\"web\",");
	unsetenv("UPCALLD_SOCKET");
}

static void test_silence(void **state)
{
	static const char *const said[] = { "", "DATA\r\n", "DATA\r\nOK 0123456789abcdef" };

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct fake_daemon fake = { .says = said[i] };

		fake_daemon_start(&fake);
		assert_int_equal(hook_run(STATE("web"), "createRuntime"), 0);
		assert_non_null(strstr(
			hook_output,
			"createRuntime web: upcalld has not answered within 3000 ms; the container may not be registered\n"));
		assert_true(hook_took >= 3 && hook_took < 15);
		fake_daemon_stop(&fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_done),	    cmocka_unit_test(test_other_arguments),
		cmocka_unit_test(test_other_input), cmocka_unit_test(test_other_bundles),
		cmocka_unit_test(test_not_done),    cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, require_root, NULL);
}
