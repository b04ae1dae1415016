// SPDX-License-Identifier: GPL-2.0-or-later
/* What the module is told of the policies' Cgroup=. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adoption.h"
#include "fake-shim.h"
#include "policy.h"
#include "text.h"

static const struct upcall_version newer = { .abi = UPCALL_ABI_VERSION,
					     .features = UPCALL_FEATURE_ADOPTION };

static struct config *make_config(const char *const *texts, size_t count)
{
	struct config *config = config_new();
	char error[CONFIG_ERROR_SIZE];

	config->policies = calloc(count, sizeof(*config->policies));
	for (size_t i = 0; i < count; i++) {
		struct policy *policy = &config->policies[config->count++];

		policy->file = strdup("f.conf");
		assert_int_equal(policy_parse(policy, "f.conf", texts[i], strlen(texts[i]), error),
				 0);
	}
	return config;
}

static void test_told(void **state)
{
	static const char *const texts[] = {
		"[Match]\nName=web\n[Key rxrpc]\nHandler=deny\n[Other]\nHandler=native\n",
		"[Match]\nCgroup=/a /b\nCgroup=/c/d\n[Key user]\n[Module]\n",
		"[Match]\nName=db\nCgroup=/e\n[Core]\nHandler=/a\n",
	};
	static const char *const patterns[] = { "/a", "/b", "/c/d", "/e" };
	struct config *config = make_config(texts, 3);

	fake_shim_reset();
	adoption_tell(FAKE_SHIM_FD, &newer, config);
	assert_int_equal(fake_shim.adoptions_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(fake_shim.adoptions[i].pattern, patterns[i]);
	/* any policy may be theirs, also one that says deny */
	for (size_t i = 0; i < 4; i++) {
		const struct upcall_policy *all = &fake_shim.adoptions[i].policy;

		assert_int_equal(all->verdict[UPCALL_CLASS_CORE], UPCALL_VERDICT_OFFER);
		assert_int_equal(all->verdict[UPCALL_CLASS_KEY], UPCALL_VERDICT_NATIVE);
		assert_int_equal(all->verdict[UPCALL_CLASS_MODULE], UPCALL_VERDICT_OFFER);
		assert_int_equal(all->verdict[UPCALL_CLASS_OTHER], UPCALL_VERDICT_NATIVE);
		assert_int_equal(all->key_rules, 2);
		assert_string_equal(all->key_rule[0].type, "rxrpc");
		assert_int_equal(all->key_rule[0].verdict, UPCALL_VERDICT_OFFER);
		assert_string_equal(all->key_rule[1].type, "user");
	}
	config_unref(config);
	/* none: those that there were are taken back */
	config = make_config(texts, 1);
	adoption_tell(FAKE_SHIM_FD, &newer, config);
	assert_int_equal(fake_shim.adoptions_count, 0);
	config_unref(config);
}

/* Seventeen types are more than there is room for: all keys, then. */
static void test_many_types(void **state)
{
	static char text[2][1024];
	const char *texts[] = { text[0], text[1] };
	struct config *config;

	strcpy(text[0], "[Match]\nCgroup=/a\n");
	for (int i = 0; i < UPCALL_KEY_RULES; i++)
		sprintf(text[0] + strlen(text[0]), "[Key t%d]\n", i);
	strcpy(text[1], "[Match]\nName=b\n[Key t0]\n[Key another]\n");
	config = make_config(texts, 2);
	fake_shim_reset();
	adoption_tell(FAKE_SHIM_FD, &newer, config);
	assert_int_equal(fake_shim.adoptions[0].policy.key_rules, UPCALL_KEY_RULES);
	assert_int_equal(fake_shim.adoptions[0].policy.verdict[UPCALL_CLASS_KEY],
			 UPCALL_VERDICT_OFFER);
	config_unref(config);
}

/* Nobody knows what it would have said: what the module was told stays. */
static void test_bad(void **state)
{
	static const char *const texts[] = { "[Match]\nCgroup=/a\n[Key]\n", "[Match]\nName=*\n" };
	struct config *config = make_config(texts, 1);

	fake_shim_reset();
	adoption_tell(FAKE_SHIM_FD, &newer, config);
	assert_int_equal(fake_shim.adoptions_count, 1);
	config_unref(config);
	config = make_config(texts, 2);
	config->policies[1].bad = true;
	config->policies[1].everybody = true;
	free(config->policies[0].cgroups[0]);
	config->policies[0].cgroups[0] = strdup("/other");
	adoption_tell(FAKE_SHIM_FD, &newer, config);
	assert_string_equal(fake_shim.adoptions[0].pattern, "/a");
	/* one of which it is known whom it is for: all of theirs is refused, registered */
	config->policies[1].everybody = false;
	adoption_tell(FAKE_SHIM_FD, &newer, config);
	assert_string_equal(fake_shim.adoptions[0].pattern, "/other");
	for (size_t i = 0; i < UPCALL_CLASS_COUNT; i++)
		assert_int_equal(fake_shim.adoptions[0].policy.verdict[i], UPCALL_VERDICT_OFFER);
	config_unref(config);
}

static void test_too_many(void **state)
{
	static char text[32768];
	const char *texts[] = { text };
	struct config *config;

	strcpy(text, "[Match]\n");
	for (int i = 0; i <= UPCALL_ADOPTIONS; i++)
		sprintf(text + strlen(text), "Cgroup=/a%d\n", i);
	config = make_config(texts, 1);
	fake_shim_reset();
	adoption_tell(FAKE_SHIM_FD, &newer, config);
	assert_null(fake_shim.adoptions);
	*strrchr(text, 'C') = '\0';
	config_unref(config);
	config = make_config(texts, 1);
	adoption_tell(FAKE_SHIM_FD, &newer, config);
	assert_int_equal(fake_shim.adoptions_count, UPCALL_ADOPTIONS);
	assert_string_equal(fake_shim.adoptions[UPCALL_ADOPTIONS - 1].pattern, "/a255");
	config_unref(config);
}

static void test_older_module(void **state)
{
	static const char *const texts[] = { "[Match]\nCgroup=/a\n" };
	static const struct upcall_version older = { .abi = UPCALL_ABI_VERSION };
	struct config *config = make_config(texts, 1);

	fake_shim_reset();
	adoption_tell(FAKE_SHIM_FD, &older, config);
	assert_null(fake_shim.adoptions);
	config_unref(config);
}

static void test_names(void **state)
{
	static const struct {
		const char *path;
		const char *name;
	} cases[] = {
		{ "machine.slice/libpod-0123.scope", "libpod-0123" },
		{ "web", "web" },
		{ "a/b/Web@1.service", "web_1" },
		{ "a/--x.slice", "x" },
		{ "a/.scope", "scope" },
		{ "a/@@", "adopted" },
		{ "a/a.b.scope.scope", "a.b.scope" },
		{ "a/0123456789012345678901234567890123456789012345678901234567890123456789.scope",
		  "012345678901234567890123456789012345678901234567890123456789012" },
	};
	char name[ADOPTION_NAME_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		adoption_name(cases[i].path, name);
		assert_string_equal(name, cases[i].name);
		assert_true(text_is_name(name));
	}
	adoption_name_other(name, 4194304);
	assert_string_equal(name,
			    "0123456789012345678901234567890123456789012345678901234-4194304");
	strcpy(name, "web");
	adoption_name_other(name, 12);
	assert_string_equal(name, "web-12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),	 cmocka_unit_test(test_many_types),
		cmocka_unit_test(test_bad),	 cmocka_unit_test(test_names),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_older_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
