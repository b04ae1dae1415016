// SPDX-License-Identifier: GPL-2.0-or-later
/* upcallctl check: every error with its line, and nothing that only follows from one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl-run.h"

#define DIRS "--config-dir lib --config-dir etc "
#define M    "[Match]\nName=a\n"

/* The output as a whole: what is not in it was not said. */
static void expect(const char *arguments, int status, const char *output)
{
	const char *said;

	assert_int_equal(ctl_run(arguments, &said), status);
	assert_string_equal(said, output);
}

static void test_files(void **state)
{
	static const struct {
		const char *desc;
		const char *text;
		const char *errors; /* "" : none */
	} cases[] = {
		{ "good", M "[Core]\nHandler=/a\n", "" },
		{ "each line by itself",
		  M "[Core]\nHandler=a\nRunIn=moon\nColour=red\nMaxConcurrent=0\n",
		  "f.conf:4: Handler=a: neither native, deny nor an absolute path\n"
		  "f.conf:5: RunIn=moon: neither container nor host\n"
		  "f.conf:6: unknown setting Colour=\n"
		  "f.conf:7: MaxConcurrent=0: no number from 1 to 64\n" },
		{ "nothing of what is in an unknown section",
		  M "[Cores]\nHandler=a\nRunIn=moon\n[Key]\nHandler=b\n",
		  "f.conf:3: unknown section [Cores]\n"
		  "f.conf:7: Handler=b: neither native, deny, dns nor an absolute path\n" },
		{ "nor in one that is not closed", M "[Core\nHandler=a\n",
		  "f.conf:3: '[Core' is no section\n" },
		{ "nor in one that is there twice", M "[Core]\nHandler=/a\n[Core]\nHandler=b\n",
		  "f.conf:5: [Core] is there twice\n" },
		{ "no name because of a bad one", "[Match]\nName=A\n",
		  "f.conf:2: 'A' is no pattern here (comments need a line of their own)\n" },
		{ "no name, and something else", "[Key]\nHandler=a\n",
		  "f.conf:2: Handler=a: neither native, deny, dns nor an absolute path\n"
		  "f.conf:1: neither Name=, Cgroup=, Runtime= nor User= in [Match]\n" },
		{ "sections as a whole", M "[Core]\n[Key]\nHandler=deny\nRunIn=host\n",
		  "f.conf:3: [Core] in a container has to name its Handler=\n"
		  "f.conf:4: other settings have no meaning with Handler=native or deny\n" },
		{ "not where its handler was refused", M "[Core]\nHandler=a\n",
		  "f.conf:4: Handler=a: neither native, deny nor an absolute path\n" },
		{ "nor where the line was", M "[Core]\nHandler=/a\x1b\n",
		  "f.conf:4: control character 0x1b\n" },
		{ "what is printed is printable", M "[Core]\nHandler=\xff\n",
		  "f.conf:4: Handler=\\xff: neither native, deny nor an absolute path\n" },
		{ "a backslash is one", M "[Core]\nHandler=a\\b\n",
		  "f.conf:4: Handler=a\\b: neither native, deny nor an absolute path\n" },
		{ "control characters", M "\x01\n\x02\n",
		  "f.conf:3: control character 0x01\nf.conf:4: control character 0x02\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].desc);
		ctl_put("f.conf", cases[i].text, 0666);
		expect("check f.conf", *cases[i].errors ? 1 : 0, cases[i].errors);
	}
}

/* By its name: it may be anywhere before it is installed. */
static void test_own(void **state)
{
	ctl_put("upcalld.conf", "[Daemon]\nIdleExitSec=x\n[Match]\nName=a\nA=b\n", 0666);
	ctl_put("upcalld.conf.d/1.conf", "[Daemon]\nRequireShim=yes\n", 0644);
	ctl_put("upcalld.d/upcalld.conf", M, 0644);
	expect("check upcalld.conf upcalld.conf.d/1.conf upcalld.d/upcalld.conf", 1,
	       "upcalld.conf:2: IdleExitSec=x: no number from 0 to 86400\n"
	       "upcalld.conf:3: unknown section [Match]\n");
}

static void test_several_files(void **state)
{
	ctl_put("a.conf", M "[Nope]\n", 0644);
	ctl_put("b.conf", M, 0644);
	ctl_put("c.conf.d/c.conf", "[Core]\nMaxConcurrent=2\n", 0644);
	expect("check a.conf b.conf c.conf.d/c.conf none", 1,
	       "a.conf:3: unknown section [Nope]\nnone: No such file or directory\n");
	expect("check lib", 1, "lib: no regular file\n");
}

static void test_directories(void **state)
{
	ctl_put("lib/a.conf", "not even read", 0644);
	ctl_put("etc/a.conf", M, 0644);
	ctl_put("lib/b.conf", "[Match]\nName=b\n[Core]\nHandler=/x\n", 0644);
	expect("check " DIRS, 0, "");

	/* the drop-in's line, in the drop-in's file */
	ctl_put("etc/b.conf.d/1.conf", "[Key]\nHandler=deny\nRunIn=host\n", 0644);
	ctl_put("etc/b.conf.d/2.conf", "[Nope]\n", 0644);
	ctl_put("etc/c.conf", "[Match]\nName=c\nName=C\n[Core]\nHandler=x\n", 0644);
	ctl_put("etc/d.conf", M, 0664);
	expect("check " DIRS, 1,
	       "etc/b.conf.d/2.conf:1: unknown section [Nope]\n"
	       "etc/b.conf.d/1.conf:1: other settings have no meaning with Handler=native or deny\n"
	       "etc/c.conf:3: 'C' is no pattern here (comments need a line of their own)\n"
	       "etc/c.conf:5: Handler=x: neither native, deny nor an absolute path\n"
	       "etc/d.conf: others than root may write it\n");
}

/* Its author waits for an effect. No error: other programs leave such files behind. */
static void test_left_out(void **state)
{
	ctl_put("etc/web", M "[Nope]\n", 0644);
	ctl_put("etc/.web.conf.swp", "", 0644);
	ctl_put("etc/web.conf", M, 0644);
	ctl_put("etc/web.conf.d/1.conf", "", 0644);
	expect("check " DIRS, 0, "etc/web: note: not read, its name does not end in .conf\n");
	expect("check --json " DIRS, 0,
	       "{\n   \"errors\": [],\n   \"left-out\": [\n      \"etc/web\"\n   ]\n}\n");
}

static void test_json(void **state)
{
	ctl_put("a.conf", M, 0644);
	expect("check --json a.conf", 0, "{\n   \"errors\": []\n}\n");
	ctl_put("a.conf", M "[\"]\n", 0644);
	expect("check --json a.conf", 1,
	       "{\n   \"errors\": [\n      {\n         \"file\": \"a.conf\",\n         \"line\": 3,\n"
	       "         \"reason\": \"unknown section [\\\"]\"\n      }\n   ]\n}\n");
}

static void test_usage(void **state)
{
	const char *output;

	assert_int_equal(ctl_run("check --config-dir lib a.conf", &output), 2);
	assert_int_equal(ctl_run("check --config-dir", &output), 2);
	assert_int_equal(ctl_run("check --nope", &output), 2);
	assert_int_equal(ctl_run("check --help", &output), 0);
	assert_non_null(strstr(output, "example: upcallctl check"));
	ctl_put("a.conf", "", 0644);
	assert_int_equal(ctl_run("check a.conf >/dev/full", &output), 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, ctl_enter, ctl_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files),	TEST(test_own),	 TEST(test_several_files),
		TEST(test_directories), TEST(test_json), TEST(test_usage),
		TEST(test_left_out),
	};

	setenv("LC_ALL", "C", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
