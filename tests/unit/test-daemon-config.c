// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's own settings: each of them, what is refused, and the directories. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon-config.h"
#include "text.h"

#define D "[Daemon]\n"

static int parse(const char *text, struct daemon_config *config, char *error)
{
	*config = DAEMON_CONFIG_DEFAULT;
	*error = '\0';
	return daemon_config_parse(config, "f.conf", text, strlen(text), NULL, error);
}

static void test_good(void **state)
{
	static const struct {
		const char *text;
		unsigned int idle_sec;
		bool idle_set, require_shim;
	} cases[] = {
		{ "", 30, false, true },
		{ "# nothing\n" D, 30, false, true },
		{ D "IdleExitSec=0\n", 0, true, true },
		{ D "IdleExitSec=86400\n", 86400, true, true },
		{ D "RequireShim=yes\n", 30, false, true },
		{ D "RequireShim=no\n", 30, false, false },
		{ D " RequireShim = yes\n;\n\tIdleExitSec=5", 5, true, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[CONFIG_ERROR_SIZE];
		struct daemon_config config;

		print_message("%s\n", cases[i].text);
		assert_int_equal(parse(cases[i].text, &config, error), 0);
		assert_int_equal(config.idle_sec, cases[i].idle_sec);
		assert_int_equal(config.idle_set, cases[i].idle_set);
		assert_int_equal(config.require_shim, cases[i].require_shim);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{ "IdleExitSec=1\n", "f.conf:1: IdleExitSec= before any section" },
		{ "[Match]\nName=a\n", "f.conf:1: unknown section [Match]" },
		{ D "[Daemon]\n", "f.conf:2: [Daemon] is there twice" },
		{ D "IdleExitSec=86401\n",
		  "f.conf:2: IdleExitSec=86401: no number from 0 to 86400" },
		{ D "IdleExitSec=-1\n", "f.conf:2: IdleExitSec=-1: no number from 0 to 86400" },
		{ D "IdleExitSec=5min\n", "f.conf:2: IdleExitSec=5min: no number from 0 to 86400" },
		{ D "IdleExitSec=\n", "f.conf:2: IdleExitSec=: no number from 0 to 86400" },
		{ D "IdleExitSec=1\nIdleExitSec=1\n", "f.conf:3: IdleExitSec= is there twice" },
		{ D "RequireShim=true\n", "f.conf:2: RequireShim=true: neither yes nor no" },
		{ D "RequireShim=\n", "f.conf:2: RequireShim=: neither yes nor no" },
		{ D "requireshim=yes\n", "f.conf:2: unknown setting requireshim=" },
		{ D "RequireShim=yes\r\n", "f.conf:2: control character 0x0d" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[CONFIG_ERROR_SIZE];
		struct daemon_config config;

		assert_int_equal(parse(cases[i].text, &config, error), -EINVAL);
		assert_string_equal(error, cases[i].error);
	}
}

/* ------------------------------------------------------------- directories */

static char *directories[] = { (char[]){ "lib" }, (char[]){ "run" }, (char[]){ "etc" }, NULL };

static int enter(void **state)
{
	char *path = strdup("/tmp/upcall-daemon-config-XXXXXX");

	if (!mkdtemp(path) || chdir(path) < 0 || mkdir("lib", 0755) < 0 || mkdir("etc", 0755) < 0 ||
	    mkdir("etc/upcalld.conf.d", 0755) < 0 || mkdir("lib/upcalld.conf.d", 0755) < 0)
		return -1;
	*state = path;
	return 0;
}

static int leave(void **state)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	free(*state);
	return system(command);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, 0644), 0);
}

static struct daemon_config config;
static char error[CONFIG_ERROR_SIZE];

static void expect(unsigned int idle_sec, bool require_shim)
{
	config = (struct daemon_config){ 0 };
	assert_int_equal(daemon_config_load(directories, &config, error), 0);
	assert_string_equal(error, "");
	assert_int_equal(config.idle_sec, idle_sec);
	assert_int_equal(config.require_shim, require_shim);
}

static void expect_bad(const char *what)
{
	config = (struct daemon_config){ .idle_sec = 99 };
	assert_int_equal(daemon_config_load(directories, &config, error), -EINVAL);
	assert_string_equal(error, what);
	assert_int_equal(config.idle_sec, 99);
}

static void test_directories(void **state)
{
	expect(30, true);
	put("lib/upcalld.conf", D "RequireShim=no\n");
	expect(30, false);
	/* one counts whole */
	put("etc/upcalld.conf", D "IdleExitSec=7\n");
	expect(7, true);
	/* refined by name, over the directories */
	put("lib/upcalld.conf.d/10.conf", D "RequireShim=no\nIdleExitSec=8\n");
	put("lib/upcalld.conf.d/20.conf", "nonsense");
	put("etc/upcalld.conf.d/20.conf", D "IdleExitSec=9\n");
	put("etc/upcalld.conf.d/30", "not read");
	expect(9, false);
	/* also without what they refine */
	assert_int_equal(unlink("etc/upcalld.conf"), 0);
	assert_int_equal(symlink("/dev/null", "etc/upcalld.conf"), 0);
	expect(9, false);
	assert_int_equal(unlink("etc/upcalld.conf"), 0);
	assert_int_equal(unlink("lib/upcalld.conf"), 0);
	expect(9, false);
}

static void test_bad_files(void **state)
{
	put("lib/upcalld.conf", D "IdleExitSec=7\n");
	put("etc/upcalld.conf", D "\nIdleExit=7\n");
	expect_bad("etc/upcalld.conf:3: unknown setting IdleExit=");
	put("etc/upcalld.conf", D);
	put("etc/upcalld.conf.d/1.conf", "[Nope]\n");
	expect_bad("etc/upcalld.conf.d/1.conf:1: unknown section [Nope]");
	assert_int_equal(unlink("etc/upcalld.conf.d/1.conf"), 0);
	expect(30, true);
	assert_int_equal(chmod("etc/upcalld.conf", 0664), 0);
	expect_bad("etc/upcalld.conf: others than root may write it");
	assert_int_equal(chmod("etc/upcalld.conf", 0644), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown("etc/upcalld.conf", 1, 1), 0);
		expect_bad("etc/upcalld.conf: does not belong to root");
	}
	assert_int_equal(unlink("etc/upcalld.conf"), 0);
	assert_int_equal(mkdir("etc/upcalld.conf", 0755), 0);
	expect_bad("etc/upcalld.conf: no regular file");
	assert_int_equal(rmdir("etc/upcalld.conf"), 0);
	assert_int_equal(mkfifo("etc/upcalld.conf", 0644), 0);
	expect_bad("etc/upcalld.conf: no regular file");
	assert_int_equal(unlink("etc/upcalld.conf"), 0);
	put("etc/upcalld.conf", "");
	assert_int_equal(truncate("etc/upcalld.conf", CONFIG_FILE_MAX + 1), 0);
	expect_bad("etc/upcalld.conf: larger than 1 MiB");
}

/* --------------------------------------------------------------- observing */

struct watcher {
	struct config_observer observer;
	char said[1024];
};

static void on_error(struct config_observer *observer, const char *file, unsigned int line,
		     const char *reason)
{
	struct watcher *watcher = (struct watcher *)observer;

	sprintf(watcher->said + strlen(watcher->said), "%s:%u: %s\n", file, line, reason);
}

static void on_setting(struct config_observer *observer, const struct policy *policy,
		       size_t section, const char *file, unsigned int line, const char *name,
		       const char *value)
{
	struct watcher *watcher = (struct watcher *)observer;

	assert_null(policy);
	sprintf(watcher->said + strlen(watcher->said), "%s:%u %s=%s\n", file, line, name, value);
}

/* All errors of all files, and the defaults: half a configuration is none. */
static void test_observe(void **state)
{
	struct watcher watcher = { .observer = { on_error, on_setting } };

	put("etc/upcalld.conf", D "IdleExitSec=x\nRequireShim=no\n[Nope]\nA=b\n");
	put("etc/upcalld.conf.d/1.conf", "A=b\n");
	assert_int_equal(daemon_config_observe(directories, &watcher.observer, &config), 0);
	assert_string_equal(watcher.said,
			    "etc/upcalld.conf:2: IdleExitSec=x: no number from 0 to 86400\n"
			    "etc/upcalld.conf:3 RequireShim=no\n"
			    "etc/upcalld.conf:4: unknown section [Nope]\n"
			    "etc/upcalld.conf.d/1.conf:1: A= before any section\n");
	assert_true(config.require_shim);
	watcher.said[0] = '\0';
	assert_int_equal(daemon_config_observe_file("none", &watcher.observer), 0);
	assert_string_equal(watcher.said, "none:0: No such file or directory\n");
}

static void test_is(void **state)
{
	static const struct {
		const char *path;
		bool is;
	} cases[] = {
		{ "upcalld.conf", true },
		{ "./upcalld.conf", true },
		{ "/etc/upcalld.conf", true },
		{ "/upcalld.conf", true },
		{ "/etc/upcalld.conf.d/10.conf", true },
		{ "upcalld.conf.d/10.conf", true },
		{ "/etc/upcalld.d/upcalld.conf", false },
		{ "upcalld.d/upcalld.conf", false },
		{ "/etc/upcalld.d/upcalld.conf.d/10.conf", false },
		{ "/etc/my-upcalld.conf", false },
		{ "/etc/my-upcalld.conf.d/10.conf", false },
		{ "web.conf", false },
		{ "", false },
		{ "/", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (daemon_config_is(cases[i].path) != cases[i].is)
			fail_msg("%s", cases[i].path);
}

#define in_tree(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_bad), cmocka_unit_test(test_is),
		in_tree(test_directories),   in_tree(test_bad_files),	 in_tree(test_observe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
