// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose policy it is: by name, and by the path of a cgroup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgroup.h"
#include "policy.h"

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
	};
	const bool hosts = cgroup_is_hosts("a");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[CONFIG_ERROR_SIZE];
		const struct policy_subject subject = { cases[i].name, cases[i].cgroup,
							cases[i].runtime };
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
