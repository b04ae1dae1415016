// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcall-oci-register, which does what the hook does not by itself: state on standard input, a
 * line on standard error, an exit status. Its bound is measured where nobody answers.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-daemon.h"
#include "hook-run.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void says(const char *text)
{
	assert_non_null(strstr(hook_output, text));
	/* one line */
	assert_ptr_equal(strchr(hook_output, '\n') + 1, hook_output + strlen(hook_output));
}

static void test_phases(void **state)
{
	static const struct {
		const char *name, *input, *arguments;
	} cases[] = {
		{ "oci-web", STATE("web"), "createRuntime" },
		{ "oci-web", STATE("web"), "--required createRuntime" },
		{ "oci-0123456789ab", STATE(HEX64), "--required createRuntime" },
		{ "web", STATE("web"), "--prefix '' --runtime crun --required createRuntime" },
		{ "oci-web", STOPPED, "--required poststop" },
		{ "lxc-web", ":", "--prefix lxc- --required --id web --pid 1 createRuntime" },
		{ "lxc-web", ":", "--prefix lxc- --required --id web poststop" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .name = cases[i].name };

		fake_daemon_start(&fake);
		assert_int_equal(hook_run(cases[i].input, cases[i].arguments), 0);
		assert_string_equal(hook_output, "");
		fake_daemon_stop(&fake);
	}
}

static void is_bounded(const char *text)
{
	says(text);
	/* not before its time, and soon after it, also on a busy machine: the library's is 30 s */
	assert_true(hook_took >= 0.3 && hook_took < 15);
}

/* Whatever the daemon says against it, the container starts, unless it is required. */
static void test_refused(void **state)
{
	struct fake_daemon fake = { .error_name = "org.upcalld.Error.NameTaken",
				    .error_text = "somebody has it" };

	fake_daemon_start(&fake);
	assert_int_equal(hook_run(STATE("web"), "createRuntime"), 0);
	says("createRuntime web: somebody has it; the container is not registered\n");
	assert_int_equal(hook_run(STATE("web"), "--required createRuntime"), 1);
	says("somebody has it");
	fake_daemon_stop(&fake);

	/* who is hung up on asks again, as long as he may */
	fake = (struct fake_daemon){ .hang_up = true };
	fake_daemon_start(&fake);
	assert_int_equal(hook_run(STATE("web"), "--timeout-ms 300 createRuntime"), 0);
	is_bounded("createRuntime web: within 300 ms: ");
	fake_daemon_stop(&fake);

	fake = (struct fake_daemon){ .error_name = "org.upcalld.Error.NoSuchContainer",
				     .error_text = "no such" };
	fake_daemon_start(&fake);
	assert_int_equal(hook_run(STOPPED, "--required poststop"), 0);
	assert_string_equal(hook_output, "");
	fake_daemon_stop(&fake);

	fake = (struct fake_daemon){ .error_name = "org.upcalld.Error.Busy",
				     .error_text = "it lives" };
	fake_daemon_start(&fake);
	assert_int_equal(hook_run(STOPPED, "poststop"), 0);
	says("poststop web: it lives; ");
	fake_daemon_stop(&fake);
}

/* Who is registered already, as the first of two who ask may have done it, is not refused. */
static void test_registered(void **state)
{
	static const struct {
		const char *listed, *cgroup; /* a cgroup: it is a tombstone */
		bool other;		     /* another process leads it */
		int status;
	} cases[] = {
		{ "oci-web", NULL, false, 0 },
		{ "oci-web", NULL, true, 1 },
		{ "oci-web", "box", false, 1 },
		{ "oci-other", NULL, false, 1 },
	};
	char input[64];

	snprintf(input, sizeof(input), "printf '{\"id\":\"web\",\"pid\":%d}'", (int)getpid());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .error_name = "org.upcalld.Error.NameTaken",
					    .error_text = "somebody has it",
					    .listed = cases[i].listed,
					    .cgroup = cases[i].cgroup,
					    .leader = cases[i].other ? 1 : (uint32_t)getpid() };

		fake_daemon_start(&fake);
		assert_int_equal(hook_run(input, "--required createRuntime"), cases[i].status);
		fake_daemon_stop(&fake);
	}
}

/* Whatever its filter is, the container is registered; what is not understood is said. */
static void test_bundle(void **state)
{
	static const struct {
		const char *config; /* NULL: there is none */
		bool older;
		const char *says; /* in the only line, or "" */
	} cases[] = {
		{ "{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}", false, "" },
		{ "{}", false, "" },
		{ "{}", true, "" },
		{ "{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}", true,
		  "createRuntime web: without its seccomp filter: unknown option" },
		{ "{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}}}", false,
		  "/config.json: linux.seccomp.defaultAction: no action that a filter can do alone" },
		{ "{\"linux\"", false, "/config.json: no JSON" },
		{ NULL, false, "/config.json: No such file or directory" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .name = "oci-web", .older = cases[i].older };
		char directory[HOOK_BUNDLE_SIZE], input[160];

		hook_bundle_make(cases[i].config, directory);
		hook_bundle_state(directory, input, sizeof(input));
		fake_daemon_start(&fake);
		assert_int_equal(hook_run(input, "--required createRuntime"), 0);
		if (*cases[i].says)
			says(cases[i].says);
		else
			assert_string_equal(hook_output, "");
		/* nobody asks at its end */
		assert_int_equal(hook_run(input, "--required poststop"), 0);
		assert_string_equal(hook_output, "");
		fake_daemon_stop(&fake);
		hook_bundle_remove(directory);
	}
}

static bool is_root_of_the_host(void)
{
	char map[64] = "";
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

	assert_true(read(fd, map, sizeof(map) - 1) > 0);
	close(fd);
	return geteuid() == 0 && strstr(map, " 0          0 4294967295");
}

/* Who is nobody to the daemon is no news at each start of each of his containers; for root it is. */
static void test_denied(void **state)
{
	struct fake_daemon fake = { .error_name = "org.upcalld.Error.Denied",
				    .error_text = "only root may do that" };

	fake_daemon_start(&fake);
	assert_int_equal(hook_run(STATE("web"), "createRuntime"), 0);
	if (is_root_of_the_host())
		says("only root may do that");
	else
		assert_string_equal(hook_output, "");
	assert_int_equal(hook_run(STATE("web"), "--required createRuntime"), 1);
	says("only root may do that");
	fake_daemon_stop(&fake);
}

static void test_no_daemon(void **state)
{
	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
	assert_int_equal(hook_run(STATE("web"), "createRuntime"), 0);
	says("createRuntime web: cannot connect to /nonexistent/control: No such file or directory;");
	assert_int_equal(hook_run(STATE("web"), "--required createRuntime"), 1);
	assert_int_equal(hook_run(STOPPED, "poststop"), 0);
	says("poststop web: cannot connect");
	unsetenv("UPCALLD_SOCKET");
}

/* Somebody listens and says nothing: a daemon that is stopped, or as slow as that. */
static void test_silence(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/upcall-test-XXXXXX";
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	setenv("UPCALLD_SOCKET", address.sun_path, 1);

	assert_int_equal(hook_run(STATE("web"), "createRuntime"), 0);
	is_bounded("createRuntime web: upcalld has not answered within 3000 ms;");
	assert_int_equal(hook_run(STATE("web"), "--timeout-ms 300 --required createRuntime"), 1);
	is_bounded("upcalld has not answered within 300 ms;");
	assert_int_equal(hook_run(STOPPED, "--timeout-ms 300 poststop"), 0);
	is_bounded("poststop web: upcalld has not answered within 300 ms;");

	unsetenv("UPCALLD_SOCKET");
	close(listener);
	unlink(address.sun_path);
	rmdir(dir);
}

/* A runtime that never closes it: both ends are ours. */
static void test_endless_input(void **state)
{
	char arguments[128], fifo[] = "/tmp/upcall-test-XXXXXX";
	int fd = mkstemp(fifo);

	close(fd);
	unlink(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{", 1), 1);
	snprintf(arguments, sizeof(arguments), "--timeout-ms 40 createRuntime <%s", fifo);
	assert_int_equal(hook_run(":", arguments), 1);
	is_bounded(
		"createRuntime: standard input has not ended, or cannot be read, within 400 ms;");
	snprintf(arguments, sizeof(arguments), "--timeout-ms 40 poststop <%s", fifo);
	assert_int_equal(hook_run(":", arguments), 0);
	is_bounded("poststop: standard input has not ended, or cannot be read, within 400 ms;");
	close(fd);
	unlink(fifo);
}

#define ANNOTATED(bytes)                                                                    \
	"printf '{\"id\":\"web\",\"pid\":%d,\"annotations\":{\"a\":\"' $$; head -c " #bytes \
	" /dev/zero | tr '\\0' x; printf '\"}}'"

/*
 * What an image may have caused is no reason to let its container run without a policy: it is
 * understood, or the container does not start.
 */
static void test_images_input(void **state)
{
	static const char *const cases[][2] = {
		{ ":", "empty" },
		{ "echo web", "no JSON at byte 0" },
		{ ANNOTATED(33554432), "longer than 33554432 bytes" },
	};
	struct fake_daemon fake = { .name = "oci-web" };

	fake_daemon_start(&fake);
	assert_int_equal(
		hook_run(ANNOTATED(4194304), "--timeout-ms 60000 --required createRuntime"), 0);
	assert_string_equal(hook_output, "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hook_run(cases[i][0], "--timeout-ms 60000 createRuntime"), 1);
		says(cases[i][1]);
		says("createRuntime: standard input: ");
		says("; the container is not registered\n");
		assert_int_equal(hook_run(cases[i][0], "--timeout-ms 60000 poststop"), 0);
		says(cases[i][1]);
	}
	fake_daemon_stop(&fake);
}

/* Nor does it write to files, which an image may have named to the runtime. */
static void test_files(void **state)
{
	char arguments[128], file[] = "/tmp/upcall-test-XXXXXX";
	int fd = mkstemp(file);

	close(fd);
	snprintf(arguments, sizeof(arguments), "createRuntime 2>>%s; test $? = 1 -a ! -s %s", file,
		 file);
	assert_int_equal(hook_run("echo web", arguments), 0);
	unlink(file);
}

static void test_bad_input(void **state)
{
	static const struct {
		const char *input, *arguments, *text;
	} cases[] = {
		{ STOPPED, "createRuntime",
		  "createRuntime web: standard input: pid: missing or 0" },
		{ UNKNOWN_PID, "createRuntime",
		  "createRuntime web: pid 2147483647: No such process" },
		{ STATE("web"), "--prefix " HEX64 " createRuntime", "longer than 63 bytes" },
		{ STATE("web"), "", "arguments: 0 phases given, not one" },
		{ STATE("web"), "createRuntime poststop", "arguments: 2 phases given, not one" },
		{ STATE("web"), "poststart", "arguments: poststart: no phase of mine" },
		{ STATE("web"), "--timeout-ms 0 createRuntime", "arguments: --timeout-ms 0: " },
		{ STATE("web"), "--timeout-ms 5s createRuntime", "arguments: --timeout-ms 5s: " },
		{ ":", "--pid 1 createRuntime", "arguments: --pid: not without --id" },
		{ ":", "--id web --pid 0 createRuntime", "arguments: --pid 0: not a number" },
		{ ":", "--id web createRuntime", "createRuntime web: --pid: missing or 0" },
		{ STATE("web"), "--timeout-ms", "arguments: --timeout-ms: needs a value" },
		{ STATE("web"), "--policy web createRuntime",
		  "arguments: --policy: no such option" },
	};
	struct fake_daemon fake = { 0 };

	fake_daemon_start(&fake);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char required[256];

		assert_int_equal(hook_run(cases[i].input, cases[i].arguments), 0);
		says(cases[i].text);
		snprintf(required, sizeof(required), "--required %s", cases[i].arguments);
		assert_int_equal(hook_run(cases[i].input, required), 1);
		says(cases[i].text);
	}
	fake_daemon_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phases),	   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_denied),	   cmocka_unit_test(test_no_daemon),
		cmocka_unit_test(test_silence),	   cmocka_unit_test(test_endless_input),
		cmocka_unit_test(test_bad_input),  cmocka_unit_test(test_images_input),
		cmocka_unit_test(test_files),	   cmocka_unit_test(test_bundle),
		cmocka_unit_test(test_registered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
