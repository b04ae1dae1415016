// SPDX-License-Identifier: GPL-2.0-or-later
/* upcallctl config: what is in effect, and where it comes from. */
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

/* One blank for each run of blanks: columns may change. */
static const char *squeezed(const char *text)
{
	static char out[16384];
	size_t used = 0;

	for (; *text; text++)
		if (*text != ' ' || !used || out[used - 1] != ' ')
			out[used++] = *text;
	out[used] = '\0';
	return out;
}

static void expect(const char *arguments, int status, const char *output)
{
	const char *said;

	assert_int_equal(ctl_run(arguments, &said), status);
	assert_string_equal(squeezed(said), output);
}

static void put_files(void)
{
	ctl_put("lib/50-web.conf",
		"[Match]\nName=web-*\nName=mail\n\n[Core]\nHandler=/save\n"
		"[Module]\nAllow=a\nAllow=\nAllow=b c\n[Key dns_resolver]\nHandler=dns\n"
		"[Other]\nHandler=deny\n",
		0644);
	ctl_put("etc/50-web.conf.d/1.conf",
		"[Core]\nMaxConcurrent=2\nHandler=/other\n[Module]\nAllow=d\n", 0644);
	ctl_put("etc/60-db.conf", "[Match]\nName=db\n[Module]\n[Key]\n", 0644);
}

static void test_one(void **state)
{
	put_files();
	expect("config " DIRS "web-1", 0,
	       "lib/50-web.conf\n"
	       " [Match]\n"
	       " Name=web-* lib/50-web.conf:2\n"
	       " Name=mail lib/50-web.conf:3\n"
	       " [Core]\n"
	       " Handler=/other etc/50-web.conf.d/1.conf:3\n"
	       " RunIn=container default\n"
	       " RuntimeMaxSec=300 default\n"
	       " MaxConcurrent=2 etc/50-web.conf.d/1.conf:2\n"
	       " [Module]\n"
	       " Allow=b c lib/50-web.conf:10\n"
	       " Allow=d etc/50-web.conf.d/1.conf:5\n"
	       " [Key dns_resolver]\n"
	       " Handler=dns lib/50-web.conf:12\n"
	       " RunIn=container default\n"
	       " RuntimeMaxSec=20 default\n"
	       " MaxConcurrent=4 default\n"
	       " [Other]\n"
	       " Handler=deny lib/50-web.conf:14\n");
}

static void test_all(void **state)
{
	const char *output;

	put_files();
	assert_int_equal(ctl_run("config " DIRS, &output), 0);
	assert_non_null(strstr(output, "lib/50-web.conf\n"));
	assert_non_null(strstr(squeezed(output), "etc/60-db.conf\n"
						 " [Match]\n"
						 " Name=db etc/60-db.conf:2\n"
						 " [Module]\n"
						 " Allow= default\n"
						 " [Key]\n"
						 " Handler=kernel default\n"
						 " RunIn=container default\n"
						 " RuntimeMaxSec=30 default\n"
						 " MaxConcurrent=4 default\n"
						 " Answer=no default\n"));
}

static void test_none(void **state)
{
	put_files();
	expect("config " DIRS "other", 0,
	       "other: no policy names it; its upcalls are the kernel's own, as without upcalld\n");
	expect("config --json " DIRS "other", 0, "{\n \"policies\": []\n}\n");
}

static void test_json(void **state)
{
	ctl_put("etc/a.conf", "[Match]\nName=a\n[Other]\nHandler=native\n", 0644);
	expect("config --json " DIRS, 0,
	       "{\n \"policies\": [\n {\n \"file\": \"etc/a.conf\",\n \"bad\": false,\n"
	       " \"names\": [\n \"a\"\n ],\n \"cgroups\": [],\n \"runtimes\": [],\n \"users\": [],\n \"sections\": [\n"
	       " {\n \"section\": \"Match\",\n \"settings\": [\n {\n \"name\": \"Name\",\n"
	       " \"value\": \"a\",\n \"default\": false,\n \"file\": \"etc/a.conf\",\n"
	       " \"line\": 2\n }\n ]\n },\n"
	       " {\n \"section\": \"Other\",\n \"settings\": [\n {\n \"name\": \"Handler\",\n"
	       " \"value\": \"native\",\n \"default\": false,\n \"file\": \"etc/a.conf\",\n"
	       " \"line\": 4\n }\n ]\n }\n ]\n }\n ]\n}\n");
}

/* A name may be in what could not be read: then it is everybody's, as for the daemon. */
static void test_bad(void **state)
{
	const char *output;

	ctl_put("etc/a.conf", "[Match]\nName=a\n[Nope]\n", 0644);
	ctl_put("etc/b.conf", "[Nope]\n[Match]\nName=b\n", 0644);
	expect("config " DIRS "a", 1,
	       "upcallctl: config: etc/a.conf:3: unknown section [Nope]\n"
	       "upcallctl: config: etc/b.conf:1: unknown section [Nope]\n"
	       "etc/a.conf\n has errors: a daemon that starts now refuses every upcall of a; "
	       "one that runs keeps what it has\n");
	assert_int_equal(ctl_run("config " DIRS "other", &output), 1);
	assert_non_null(strstr(output, "etc/b.conf\n  has errors: a daemon that starts now refuses "
				       "every upcall of *;"));
}

static void test_usage(void **state)
{
	const char *output;

	assert_int_equal(ctl_run("config a b", &output), 2);
	assert_int_equal(ctl_run("config A", &output), 2);
	assert_int_equal(ctl_run("config --nope", &output), 2);
	assert_int_equal(ctl_run("config --help", &output), 0);
	assert_non_null(strstr(output, "example: upcallctl config"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, ctl_enter, ctl_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one),	 TEST(test_all), TEST(test_none),
		TEST(test_json), TEST(test_bad), TEST(test_usage),
	};

	setenv("LC_ALL", "C", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
