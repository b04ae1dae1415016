// SPDX-License-Identifier: GPL-2.0-or-later
/* What a policy means for the kernel's table, and for one upcall. */
#include <errno.h>
#include <libkmod.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy.h"

static void parse(const char *text, struct policy *policy)
{
	char error[CONFIG_ERROR_SIZE] = "";

	*policy = (struct policy){ .file = strdup("f.conf") };
	if (policy_parse(policy, "f.conf", text, strlen(text), error) < 0 ||
	    policy_check(policy, error) < 0)
		fail_msg("%s", error);
}

#define M "[Match]\nName=a\n"
#define N UPCALL_VERDICT_NATIVE
#define O UPCALL_VERDICT_OFFER
#define D UPCALL_VERDICT_DENY

static void test_kernel(void **state)
{
	static const struct {
		const char *desc;
		const char *text;
		uint32_t verdict[UPCALL_CLASS_COUNT]; /* core, key, module, release-agent, other */
		uint32_t key_rules;
		uint32_t first_key;
	} cases[] = {
		{ "names nothing", M, { N, N, N, N, N }, 0, 0 },
		{ "core", M "[Core]\nHandler=/a\n", { O, N, N, N, N }, 0, 0 },
		{ "core on the host", M "[Core]\nRunIn=host\n", { O, N, N, N, N }, 0, 0 },
		{ "core denied", M "[Core]\nHandler=deny\n", { D, N, N, N, N }, 0, 0 },
		{ "core native", M "[Core]\nHandler=native\n", { N, N, N, N, N }, 0, 0 },
		{ "modules", M "[Module]\n", { N, N, D, N, N }, 0, 0 },
		{ "modules with a list", M "[Module]\nAllow=x\n", { N, N, O, N, N }, 0, 0 },
		{ "modules with an emptied list",
		  M "[Module]\nAllow=x\nAllow=\n",
		  { N, N, D, N, N },
		  0,
		  0 },
		{ "modules native", M "[Module]\nHandler=native\n", { N, N, N, N, N }, 0, 0 },
		{ "every key", M "[Key]\n", { N, O, N, N, N }, 0, 0 },
		{ "one type", M "[Key user]\n", { N, N, N, N, N }, 1, O },
		{ "one type denied",
		  M "[Key user]\nHandler=deny\n[Key]\n",
		  { N, O, N, N, N },
		  1,
		  D },
		{ "one type native",
		  M "[Key user]\nHandler=native\n[Key]\nHandler=deny\n",
		  { N, D, N, N, N },
		  1,
		  N },
		{ "the rest",
		  M "[Release-Agent]\n[Other]\nHandler=deny\n",
		  { N, N, N, O, D },
		  0,
		  0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upcall_policy kernel;
		struct policy policy;

		parse(cases[i].text, &policy);
		policy_to_kernel(&policy, &kernel);
		if (memcmp(kernel.verdict, cases[i].verdict, sizeof(kernel.verdict)) ||
		    kernel.key_rules != cases[i].key_rules ||
		    (kernel.key_rules && kernel.key_rule[0].verdict != cases[i].first_key))
			fail_msg("%s", cases[i].desc);
		policy_clear(&policy);
	}
}

static void test_kernel_without_policy(void **state)
{
	struct policy bad = { .bad = true };
	struct upcall_policy kernel;

	policy_to_kernel(NULL, &kernel);
	for (int i = 0; i < UPCALL_CLASS_COUNT; i++)
		assert_int_equal(kernel.verdict[i], UPCALL_VERDICT_NATIVE);
	policy_to_kernel(&bad, &kernel);
	for (int i = 0; i < UPCALL_CLASS_COUNT; i++)
		assert_int_equal(kernel.verdict[i], UPCALL_VERDICT_DENY);
	assert_int_equal(kernel.key_rules, 0);
}

static struct tags_text text_of(const char *text)
{
	return (struct tags_text){ text, strlen(text) };
}

static void test_decide(void **state)
{
	enum {
		SYSCALL,
		KERNEL,
		KERNEL_NET
	};
	static const char policy_text[] = M "[Core]\nHandler=/save\n"
					    "[Key]\nHandler=deny\n"
					    "[Key user]\n"
					    "[Key prints]\nHandler=/bin/p\nAnswer=yes\n"
					    "[Key dns_resolver]\nHandler=dns\n"
					    "[Other]\nHandler=native\n";
	static const struct {
		const char *desc;
		uint32_t class;
		const char *key_type;
		int origin;
		enum decision decision;
		enum worker_handler handler;
	} cases[] = {
		{ "core", UPCALL_CLASS_CORE, "", SYSCALL, DECISION_HANDLE, WORKER_BECOME },
		{ "type with a rule", UPCALL_CLASS_KEY, "user", SYSCALL, DECISION_HANDLE,
		  WORKER_BECOME },
		{ "type without one", UPCALL_CLASS_KEY, "other", SYSCALL, DECISION_DENY, 0 },
		{ "prefix of a type", UPCALL_CLASS_KEY, "use", SYSCALL, DECISION_DENY, 0 },
		{ "longer than a type", UPCALL_CLASS_KEY, "users", SYSCALL, DECISION_DENY, 0 },
		{ "answering program", UPCALL_CLASS_KEY, "prints", SYSCALL, DECISION_HANDLE,
		  WORKER_ANSWER_PROGRAM },
		{ "dns of a task", UPCALL_CLASS_KEY, "dns_resolver", SYSCALL, DECISION_HANDLE,
		  WORKER_ANSWER_DNS },
		{ "dns of a mount", UPCALL_CLASS_KEY, "dns_resolver", KERNEL_NET, DECISION_HANDLE,
		  WORKER_ANSWER_DNS },
		{ "the kernel's, of a namespace, becoming", UPCALL_CLASS_KEY, "user", KERNEL_NET,
		  DECISION_DENY, 0 },
		{ "the kernel's, of a namespace, printing", UPCALL_CLASS_KEY, "prints", KERNEL_NET,
		  DECISION_HANDLE, WORKER_ANSWER_PROGRAM },
		{ "the kernel's, of no namespace", UPCALL_CLASS_KEY, "user", KERNEL,
		  DECISION_NATIVE, 0 },
		{ "class without a section", UPCALL_CLASS_MODULE, "", SYSCALL, DECISION_NATIVE, 0 },
		{ "a section that has gone, and nobody waits", UPCALL_CLASS_RELEASE_AGENT, "",
		  SYSCALL, DECISION_DENY, 0 },
		{ "native", UPCALL_CLASS_OTHER, "", SYSCALL, DECISION_NATIVE, 0 },
	};
	struct modules modules = { 0 };
	struct policy policy;

	parse(policy_text, &policy);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct worker_request request = { 0 };
		struct decided decided;
		struct tags tags = { .class = cases[i].class };

		tags.key.present = cases[i].class == UPCALL_CLASS_KEY;
		tags.key.type = text_of(cases[i].key_type);
		tags.key.origin = cases[i].origin == SYSCALL ? UPCALL_ORIGIN_SYSCALL :
							       UPCALL_ORIGIN_KERNEL;
		tags.key.has_net = cases[i].origin == KERNEL_NET;
		policy_decide(&policy, &modules, &tags, &decided);
		if (decided.decision == DECISION_HANDLE)
			rule_to_request(decided.rule, &request);
		if (decided.decision != cases[i].decision || request.handler != cases[i].handler)
			fail_msg("%s: %d", cases[i].desc, decided.decision);
		if (decided.decision != DECISION_HANDLE)
			assert_non_null(decided.reason);
	}
	policy_clear(&policy);
}

static void test_decide_modules(void **state)
{
#define ARGV(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}
	static const struct {
		const char *desc;
		struct tags_text argv;
		enum decision decision;
	} cases[] = {
		{ "a name on the list", ARGV("modprobe\0-q\0--\0dummy\0"), DECISION_NATIVE },
		{ "a pattern on the list", ARGV("modprobe\0-q\0--\0xt_anything\0"),
		  DECISION_NATIVE },
		{ "a request on the list", ARGV("modprobe\0-q\0--\0net-pf-29\0"), DECISION_NATIVE },
		{ "not on the list", ARGV("modprobe\0-q\0--\0net-pf-35\0"), DECISION_DENY },
		{ "only its beginning", ARGV("modprobe\0-q\0--\0dummy2\0"), DECISION_DENY },
		{ "only the last argument", ARGV("modprobe\0dummy\0--\0evil\0"), DECISION_DENY },
		{ "empty name", ARGV("modprobe\0-q\0--\0\0"), DECISION_DENY },
		{ "no arguments", { NULL, 0 }, DECISION_DENY },
		{ "not terminated", ARGV("dummy"), DECISION_DENY },
		{ "a NUL only", ARGV("\0"), DECISION_DENY },
	};
	struct modules modules = { 0 };
	struct policy policy;

	parse(M "[Module]\nAllow=dummy xt_* net-pf-29\n", &policy);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tags tags = { .class = UPCALL_CLASS_MODULE, .argv = cases[i].argv };
		struct decided decided;

		policy_decide(&policy, &modules, &tags, &decided);
		if (decided.decision != cases[i].decision)
			fail_msg("%s: %d", cases[i].desc, decided.decision);
	}
	policy_clear(&policy);
	modules_close(&modules);
}

/* modprobe loads everything that an alias stands for. */
static void test_all_of_an_alias(void **state)
{
	char path[] = "/tmp/upcall-alias-XXXXXX";
	const char *const files[] = { path, NULL };
	char *both[] = { (char[]){ "good" }, (char[]){ "fine" }, NULL };
	char *one[] = { (char[]){ "good" }, NULL };
	char *request[] = { (char[]){ "net-pf-*" }, NULL };
	struct modules modules;
	int fd = mkstemp(path);
	static const char text[] = "alias net-pf-99 good\nalias net-pf-99 fine\n";

	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	modules.context = kmod_new("/nonexistent", files);
	assert_non_null(modules.context);
	assert_true(modules_allow(&modules, both, "net-pf-99"));
	assert_false(modules_allow(&modules, one, "net-pf-99"));
	assert_true(modules_allow(&modules, request, "net-pf-99"));
	assert_false(modules_allow(&modules, both, "net-pf-98"));
	modules_close(&modules);
	close(fd);
	unlink(path);
}

static void test_decide_without_policy(void **state)
{
	struct tags tags = { .class = UPCALL_CLASS_CORE };
	struct policy bad = { .bad = true };
	struct modules modules = { 0 };
	struct decided decided;

	policy_decide(NULL, &modules, &tags, &decided);
	assert_int_equal(decided.decision, DECISION_NATIVE);
	tags.class = UPCALL_CLASS_RELEASE_AGENT;
	policy_decide(NULL, &modules, &tags, &decided);
	assert_int_equal(decided.decision, DECISION_DENY);
	policy_decide(&bad, &modules, &tags, &decided);
	assert_int_equal(decided.decision, DECISION_DENY);
}

static void test_request(void **state)
{
	struct worker_request request = { 0 };
	struct policy policy;

	parse(M "[Core]\nHandler=/save\nRuntimeMaxSec=7\nRunIn=host\n", &policy);
	rule_to_request(&policy.rules[0], &request);
	assert_int_equal(request.run_in, WORKER_RUN_IN_HOST);
	assert_int_equal(request.run_ms, 7000);
	assert_string_equal(request.program, "/save");
	assert_string_equal(rule_handler_name(&policy.rules[0]), "/save");
	assert_string_equal(rule_run_in_name(&policy.rules[0]), "host");
	policy_clear(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_kernel_without_policy),
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_decide_modules),
		cmocka_unit_test(test_all_of_an_alias),
		cmocka_unit_test(test_decide_without_policy),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
