// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * explain --pid: the shim's look-up, repeated step by step.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kin.h"

static const struct kin host = { .cgroup = "/", .pid = { 1 }, .user = { 2 }, .mnt = 3, .net = 4 };

static const struct upcall_namespace web_ns[] = {
	{ "pid", 11 }, { "user", 12 }, { "mnt", 13 }, { "net", 14 }, { 0 },
};
/* of a pod with db: the same network */
static const struct upcall_namespace db_ns[] = {
	{ "mnt", 23 },
	{ "net", 14 },
	{ 0 },
};

static struct upcall_entry web = { .name = "web", .cgroup = "web", .namespaces = web_ns };
static struct upcall_entry db = { .name = "db", .cgroup = "/pod/db", .namespaces = db_ns };
static struct upcall_entry inner = { .name = "inner", .cgroup = "web/inner", .namespaces = web_ns };
static struct upcall_namespace rooted_ns[] = { { "pid", 31 }, { "mnt", 33 }, { 0 } };
static struct upcall_entry rooted = { .name = "rooted",
				      .cgroup = "rooted",
				      .namespaces = rooted_ns };
/* with others in its cgroup */
static struct upcall_entry shared = { .name = "shared",
				      .cgroup = "session",
				      .cgroup_derived = true,
				      .namespaces = rooted_ns };
static struct upcall_entry strange = { .name = "strange",
				       .cgroup = "b\\xc3\\xbc",
				       .namespaces = rooted_ns };
static struct upcall_entry bare = { .name = "bare", .cgroup = "", .namespaces = web_ns };

static const struct {
	const char *what;
	struct upcall_entry *entries[4];
	struct kin kin;
	const char *hits[KIN_STEPS];
	bool counts[KIN_STEPS];
} cases[] = {
	{ "a task of it",
	  { &web, &db },
	  { .cgroup = "/web/x", .pid = { 11, 1 }, .user = { 12, 2 }, .mnt = 13, .net = 14 },
	  { "web", "web", "web", "web", "web,db" },
	  { true, true, true, false, false } },
	{ "who has unshared everything",
	  { &web },
	  { .cgroup = "/web", .pid = { 99, 11, 1 }, .user = { 98, 12, 2 }, .mnt = 97, .net = 96 },
	  { "web", "web", "web", "", "" },
	  { true, true, true, false, false } },
	{ "a supervisor in its cgroup",
	  { &web },
	  { .cgroup = "/web", .pid = { 1 }, .user = { 2 }, .mnt = 3, .net = 4 },
	  { "", "", "", "", "" },
	  { false } },
	{ "one with a mount namespace of its own",
	  { &rooted },
	  { .cgroup = "/rooted", .pid = { 1 }, .user = { 2 }, .mnt = 99, .net = 4 },
	  { "", "", "", "", "" },
	  { false } },
	{ "who is about to enter the pid namespace",
	  { &rooted },
	  { .cgroup = "/rooted", .pid = { 1 }, .user = { 2 }, .mnt = 33, .net = 4 },
	  { "rooted", "", "", "rooted", "" },
	  { true, false, false, false, false } },
	{ "another container of its session",
	  { &shared },
	  { .cgroup = "/session", .pid = { 99, 1 }, .user = { 2 }, .mnt = 33, .net = 4 },
	  { "", "", "", "", "" },
	  { false } },
	{ "one of its own in that",
	  { &shared },
	  { .cgroup = "/session", .pid = { 99, 31, 1 }, .user = { 2 }, .mnt = 98, .net = 4 },
	  { "shared", "shared", "", "", "" },
	  { true, true, false, false, false } },
	{ "one of the session in its mounts",
	  { &shared },
	  { .cgroup = "/session", .pid = { 1 }, .user = { 2 }, .mnt = 33, .net = 4 },
	  { "", "", "", "shared", "" },
	  { false, false, false, true, false } },
	{ "the nearest of two boundaries",
	  { &web, &inner },
	  { .cgroup = "/web/inner/x", .pid = { 11, 1 }, .user = { 12, 2 }, .mnt = 13, .net = 14 },
	  { "inner", "web,inner", "web,inner", "web,inner", "web,inner" },
	  { true, true, true, false, false } },
	{ "a name that begins like the boundary",
	  { &web },
	  { .cgroup = "/webber", .pid = { 5, 1 }, .user = { 12, 2 }, .mnt = 6, .net = 4 },
	  { "", "", "", "", "" },
	  { false } },
	{ "another container of its user namespace",
	  { &web },
	  { .cgroup = "/else", .pid = { 55, 1 }, .user = { 12, 2 }, .mnt = 53, .net = 14 },
	  { "", "", "", "", "" },
	  { false } },
	{ "only a mount namespace tells",
	  { &db },
	  { .cgroup = "/", .pid = { 1 }, .user = { 2 }, .mnt = 23, .net = 14 },
	  { "", "", "", "db", "db" },
	  { false, false, false, true, false } },
	{ "a host task that has joined its network",
	  { &web, &db },
	  { .cgroup = "/", .pid = { 1 }, .user = { 2 }, .mnt = 3, .net = 14 },
	  { "", "", "", "", "web,db" },
	  { false } },
	{ "a container without a cgroup",
	  { &bare },
	  { .cgroup = "/x", .pid = { 11, 1 }, .user = { 12, 2 }, .mnt = 13, .net = 14 },
	  { "", "bare", "bare", "bare", "bare" },
	  { false, true, true, false, false } },
	{ "a boundary that is not called in ASCII",
	  { &strange },
	  { .cgroup = "/b\xc3\xbc/x", .pid = { 31, 1 }, .user = { 2 }, .mnt = 33, .net = 4 },
	  { "strange", "strange", "", "strange", "" },
	  { true, true, false, false, false } },
	{ "nothing is registered",
	  { NULL },
	  { .cgroup = "/x", .pid = { 11, 1 }, .user = { 12, 2 }, .mnt = 13, .net = 14 },
	  { "", "", "", "", "" },
	  { false } },
};

static void test_steps(void **state)
{
	struct kin_step steps[KIN_STEPS];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kin_explain(&cases[i].kin, &host, cases[i].entries, steps);
		for (size_t step = 0; step < KIN_STEPS; step++) {
			print_message("%s: %s\n", cases[i].what, steps[step].by);
			assert_string_equal(steps[step].hits, cases[i].hits[step]);
			assert_int_equal(steps[step].counts, cases[i].counts[step]);
			assert_non_null(steps[step].why);
		}
	}
}

/* More names than there is room for: cut, not beyond the end. */
static void test_many(void **state)
{
	struct upcall_entry *entries[101] = { NULL };
	struct kin_step steps[KIN_STEPS];
	const struct kin kin = { .cgroup = "/web", .pid = { 11, 1 }, .user = { 12, 2 }, .mnt = 13 };

	for (size_t i = 0; i < 100; i++)
		entries[i] = &web;
	kin_explain(&kin, &host, entries, steps);
	assert_int_equal(steps[0].count, 100);
	assert_int_equal(strlen(steps[0].hits), KIN_HITS_SIZE - 1);
}

static void test_read(void **state)
{
	struct kin kin;

	assert_int_equal(kin_read((uint32_t)getpid(), &kin), 0);
	assert_true(kin.pid[0] && kin.user[0] && kin.mnt && kin.net);
	assert_int_equal(kin_read(INT32_MAX, &kin), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
