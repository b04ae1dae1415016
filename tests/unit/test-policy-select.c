// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose policy it is: by name, and by the path of a cgroup. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"
#include "policy.h"
#include "user.h"

/* What is above the pattern's end has to be the host's; of one component, that is the root. */
static void test_cgroups(void **state)
{
	static const struct {
		const char *pattern;
		const char *path;
		bool fits;
	} cases[] = {
		{ "/a", "a", true },
		{ "/a", "a/b/c", true },
		{ "/a*", "abc", true },
		{ "/a?c", "abc/x", true },
		{ "/*", "any/b", true },
		{ "/a*", "b", false },
		{ "/a", "ab", false },
		{ "/a/b", "a", false },
		{ "/a*c", "a/c", false },
		{ "/a?c", "a/c", false },
		{ "/*b", "a/b", false },
		{ "/b", "a/b", false },
		{ "/none/b", "none/b", false }, /* nobody can tell whose */
	};
	const bool hosts = cgroup_is_hosts("a");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (cgroup_fits(cases[i].pattern, cases[i].path) != (hosts && cases[i].fits))
			fail_msg("%s: %s", cases[i].pattern, cases[i].path);
}

/* All have to fit that are said. */
static void test_match(void **state)
{
	static const struct {
		const char *text;
		const char *name;
		const char *cgroup;
		bool matches;
		const char *runtime;
		uint32_t uid;
	} cases[] = {
		{ "[Match]\nCgroup=/a*\n", "web", "ab/c", true },
		{ "[Match]\nCgroup=/a*\n", "web", "b", false },
		{ "[Match]\nCgroup=/a*\n", "web", NULL, false },
		{ "[Match]\nCgroup=/x /a*\n", "web", "a", true },
		{ "[Match]\nName=web\nCgroup=/a*\n", "web", "ab", true },
		{ "[Match]\nName=db\nCgroup=/a*\n", "web", "ab", false },
		{ "[Match]\nName=web\nCgroup=/a*\n", "web", NULL, false },
		{ "[Match]\nName=web\n", "web", NULL, true },
		{ "[Match]\nRuntime=podman lxc*\n", "web", NULL, true, "podman" },
		{ "[Match]\nRuntime=podman lxc*\n", "web", NULL, true, "lxc-4" },
		{ "[Match]\nRuntime=podman\n", "podman", NULL, false, "crun" },
		{ "[Match]\nRuntime=*\n", "web", NULL, false, NULL },
		{ "[Match]\nName=web\nRuntime=podman\n", "web", NULL, true, "podman" },
		{ "[Match]\nName=db\nRuntime=podman\n", "web", NULL, false, "podman" },
		{ "[Match]\nCgroup=/a*\nRuntime=podman\n", "web", "ab", true, "podman" },
		{ "[Match]\nCgroup=/a*\nRuntime=podman\n", "web", "ab", false, "adopted" },
		/* a user chooses nothing where no User= says so */
		{ "[Match]\nName=*\n", "7-web", NULL, false, NULL, 7 },
		{ "[Match]\nRuntime=*\n", "7-web", NULL, false, "podman", 7 },
		{ "[Match]\nName=*\nCgroup=/a*\n", "7-web", "ab", false, NULL, 7 },
		{ "[Match]\nRuntime=*\nCgroup=/a*\n", "7-web", "ab", false, "podman", 7 },
		{ "[Match]\nCgroup=/a*\n", "7-web", "ab", false, NULL, 7 },
		{ "[Match]\nUser=7\n", "7-web", NULL, true, NULL, 7 },
		{ "[Match]\nUser=8 someone\n", "7-web", NULL, true, NULL, 7 },
		{ "[Match]\nUser=8\n", "7-web", NULL, false, NULL, 7 },
		{ "[Match]\nUser=*\n", "7-web", NULL, true, NULL, 7 },
		{ "[Match]\nUser=7\nName=web\n", "7-web", NULL, true, NULL, 7 },
		{ "[Match]\nUser=7\nName=7-*\n", "7-web", NULL, false, NULL, 7 },
		{ "[Match]\nUser=7\nName=db\n", "7-web", NULL, false, NULL, 7 },
		{ "[Match]\nUser=7\nRuntime=podman\n", "7-web", NULL, false, NULL, 7 },
		/* nor root what is said of users */
		{ "[Match]\nUser=*\n", "web", NULL, false, NULL, 0 },
		{ "[Match]\nUser=7\nName=*\n", "web", NULL, false, NULL, 0 },
		{ "[Match]\nUser=0 7\n", "web", NULL, true, NULL, 0 },
	};
	const bool hosts = cgroup_is_hosts("a");
	char path[] = "/tmp/upcall-passwd-XXXXXX";
	static const char users[] = "root:x:0:0::/:/bin/sh\nsomeone:x:7:7::/:/bin/sh\n";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, users, strlen(users)), strlen(users));
	close(fd);
	user_file = path;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[CONFIG_ERROR_SIZE];
		const struct policy_subject subject = { cases[i].name, cases[i].cgroup,
							cases[i].runtime, cases[i].uid };
		struct policy policy;
		bool expected = cases[i].matches && (hosts || !cases[i].cgroup);

		policy = (struct policy){ .file = strdup("f.conf") };
		assert_int_equal(policy_parse(&policy, "f.conf", cases[i].text,
					      strlen(cases[i].text), error),
				 0);
		if (policy_matches(&policy, &subject) != expected)
			fail_msg("%s: %s", cases[i].text, cases[i].cgroup ?: "none");
		policy_clear(&policy);
	}
	unlink(path);
}

/* What a user may take for a name, whatever he writes. */
static void test_names(void **state)
{
	static const struct {
		uint32_t uid;
		const char *name, *called, *own;
	} cases[] = {
		{ 7, "web", "7-web", "web" },	    { 7, "7-web", "7-web", "web" },
		{ 7, "8-web", "7-8-web", "8-web" }, { 7, "77-web", "7-77-web", "77-web" },
		{ 7, "7web", "7-7web", "7web" },    { 0, "7-web", "7-web", "7-web" },
		{ 0, "web", "web", "web" },	    { 7, "7-7-web", "7-7-web", "7-web" },
	};
	char longest[UPCALL_NAME_LEN], room[UPCALL_NAME_LEN];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(user_container_name(cases[i].uid, cases[i].name, room), 0);
		assert_string_equal(room, cases[i].called);
		assert_string_equal(user_own_name(cases[i].uid, room), cases[i].own);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(user_container_name(0, longest, room), 0);
	assert_int_equal(user_container_name(7, longest, room), -ENAMETOOLONG);
	assert_int_equal(user_container_name(7, longest + 2, room), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
