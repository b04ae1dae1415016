// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What would happen, in words: it has to be what the kernel's table says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "outlook.h"

static const char text[] = "[Match]\nName=web\n[Core]\nHandler=/save\n[Key]\nHandler=deny\n"
			   "[Key user]\n[Module]\nAllow=dummy\n[Other]\nHandler=native\n";

static struct policy parsed(void)
{
	struct policy policy = { 0 };
	char error[CONFIG_ERROR_SIZE];

	assert_int_equal(policy_parse(&policy, "web.conf", text, strlen(text), error), 0);
	assert_int_equal(policy_check(&policy, error), 0);
	return policy;
}

static void test_policy(void **state)
{
	struct policy policy = parsed();
	struct outlook outlooks[OUTLOOK_MAX];
	struct upcall_policy kernel;

	assert_int_equal(outlook(UPCALL_SCOPE_CONTAINER, false, true, &policy, outlooks), 6);
	policy_to_kernel(&policy, &kernel);
	for (uint32_t class = 0; class < UPCALL_CLASS_COUNT; class ++) {
		assert_int_equal(outlooks[class].class, class);
		assert_int_equal(outlooks[class].verdict, kernel.verdict[class]);
	}
	assert_string_equal(rule_handler_name(outlooks[UPCALL_CLASS_CORE].rule), "/save");
	assert_string_equal(outlooks[UPCALL_CLASS_KEY].reason, "its section says deny");
	assert_null(outlooks[UPCALL_CLASS_RELEASE_AGENT].rule);
	assert_non_null(strstr(outlooks[UPCALL_CLASS_RELEASE_AGENT].reason, "no section"));
	assert_non_null(strstr(outlooks[UPCALL_CLASS_MODULE].reason, "Allow="));
	assert_string_equal(outlooks[5].key_type, "user");
	assert_int_equal(outlooks[5].verdict, UPCALL_VERDICT_OFFER);
	policy_clear(&policy);
}

/* Modules have no handler, and what is native or refused runs nowhere that RunIn= says. */
static void test_handlers(void **state)
{
	struct policy policy = parsed();
	struct outlook outlooks[OUTLOOK_MAX];

	(void)outlook(UPCALL_SCOPE_CONTAINER, false, true, &policy, outlooks);
	assert_string_equal(outlook_handler_name(&outlooks[UPCALL_CLASS_CORE]), "/save");
	assert_string_equal(outlook_run_in_name(&outlooks[UPCALL_CLASS_CORE]), "container");
	assert_string_equal(outlook_handler_name(&outlooks[UPCALL_CLASS_MODULE]), "");
	assert_string_equal(outlook_run_in_name(&outlooks[UPCALL_CLASS_MODULE]), "");
	assert_string_equal(outlook_handler_name(&outlooks[UPCALL_CLASS_KEY]), "deny");
	assert_string_equal(outlook_run_in_name(&outlooks[UPCALL_CLASS_KEY]), "");
	assert_string_equal(outlook_handler_name(&outlooks[UPCALL_CLASS_RELEASE_AGENT]), "");
	assert_string_equal(outlook_handler_name(&outlooks[5]), "kernel");
	policy_clear(&policy);
}

static void test_no_policy(void **state)
{
	const struct policy bad = { .bad = true };
	struct outlook outlooks[OUTLOOK_MAX];

	assert_int_equal(outlook(UPCALL_SCOPE_CONTAINER, false, true, NULL, outlooks), 5);
	assert_int_equal(outlooks[0].verdict, UPCALL_VERDICT_NATIVE);
	assert_int_equal(outlook(UPCALL_SCOPE_CONTAINER, false, true, &bad, outlooks), 5);
	assert_int_equal(outlooks[4].verdict, UPCALL_VERDICT_DENY);
	assert_null(outlooks[4].rule);
	/* a user's, where the module is strict */
	assert_int_equal(outlook(UPCALL_SCOPE_CONTAINER, true, true, NULL, outlooks), 5);
	assert_int_equal(outlooks[0].verdict, UPCALL_VERDICT_DENY);
	assert_string_equal(outlooks[0].reason, "a user registered it, and the module is strict");
	/* one that may be adopted, there */
	assert_int_equal(outlook(UPCALL_SCOPE_UNREGISTERED, true, true, NULL, outlooks), 5);
	assert_int_equal(outlooks[0].verdict, UPCALL_VERDICT_DENY);
	assert_string_equal(outlooks[0].reason, "nobody registered it, and the module is strict");
}

static const struct {
	uint32_t scope;
	bool strict;
	uint32_t verdict;
} scopes[] = {
	{ UPCALL_SCOPE_HOST, true, UPCALL_VERDICT_NATIVE },
	{ UPCALL_SCOPE_KTHREAD, true, UPCALL_VERDICT_NATIVE },
	{ UPCALL_SCOPE_UNREGISTERED, false, UPCALL_VERDICT_NATIVE },
	{ UPCALL_SCOPE_UNREGISTERED, true, UPCALL_VERDICT_DENY },
	{ UPCALL_SCOPE_AMBIGUOUS, false, UPCALL_VERDICT_OFFER },
	{ UPCALL_SCOPE_CONTAINER, false, UPCALL_VERDICT_OFFER },
};

static void test_scopes(void **state)
{
	struct outlook outlooks[OUTLOOK_MAX];

	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		assert_int_equal(outlook(scopes[i].scope, scopes[i].strict, false, NULL, outlooks),
				 UPCALL_CLASS_COUNT);
		assert_int_equal(outlooks[0].verdict, scopes[i].verdict);
		assert_non_null(outlooks[0].reason);
	}
	assert_string_equal(outlook_scope_name(99), "unknown");
	assert_string_equal(outlook_scope_name(UPCALL_SCOPE_HOST), "host");
	assert_string_equal(outlook_verdict_name(99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_handlers),
		cmocka_unit_test(test_no_policy),
		cmocka_unit_test(test_scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
