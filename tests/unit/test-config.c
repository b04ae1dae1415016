// SPDX-License-Identifier: GPL-2.0-or-later
/* The parser of policy files, and sets of files in directories. */
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

#include "config.h"
#include "policy.h"
#include "text.h"

/* ---------------------------------------------------------------- one file */

static int parse(const char *text, size_t size, struct policy *policy, char *error)
{
	int ret;

	*policy = (struct policy){ .file = strdup("f.conf") };
	*error = '\0';
	ret = policy_parse(policy, "f.conf", text, size, error);
	return ret < 0 ? ret : policy_check(policy, error);
}

static const struct rule *rule_of(const struct policy *policy, uint32_t class, const char *type)
{
	for (size_t i = 0; i < policy->rules_count; i++)
		if (policy->rules[i].class == class && !strcmp(policy->rules[i].key_type, type))
			return &policy->rules[i];
	fail_msg("no rule for class %u, type '%s'", class, type);
	return NULL;
}

static void test_good(void **state)
{
	static const char text[] = "# comment\n"
				   "; another\n"
				   "\n"
				   "  [Match]  \n"
				   "Name=web-* db\n"
				   "\tName = mail\n"
				   "[Core]\n"
				   "Handler=/usr/libexec/save-core\n"
				   "RunIn=container\n"
				   "RuntimeMaxSec=60\n"
				   "MaxConcurrent=2\n"
				   "[Module]\n"
				   "Allow=xt_* dummy\n"
				   "Allow=net-pf-29\n"
				   "[Key]\n"
				   "[Key dns_resolver]\n"
				   "Handler=dns\n"
				   "[Key user]\n"
				   "Handler=/bin/answer\n"
				   "Answer=yes\n"
				   "[Release-Agent]\n"
				   "Handler=deny\n"
				   "[Other]\n"
				   "RunIn=host"; /* no newline at the end */
	char error[CONFIG_ERROR_SIZE];
	struct policy policy;
	const struct rule *rule;

	assert_int_equal(parse(text, strlen(text), &policy, error), 0);
	assert_string_equal(error, "");
	assert_int_equal(strv_count(policy.names), 3);
	assert_string_equal(policy.names[2], "mail");
	assert_int_equal(policy.rules_count, 7);

	rule = rule_of(&policy, UPCALL_CLASS_CORE, "");
	assert_int_equal(rule->handler, HANDLER_PROGRAM);
	assert_string_equal(rule->program, "/usr/libexec/save-core");
	assert_int_equal(rule->run_sec, 60);
	assert_int_equal(rule->max_concurrent, 2);
	assert_false(rule->in_host);
	rule = rule_of(&policy, UPCALL_CLASS_MODULE, "");
	assert_int_equal(strv_count(rule->allow), 3);
	rule = rule_of(&policy, UPCALL_CLASS_KEY, "");
	assert_int_equal(rule->handler, HANDLER_KERNEL);
	assert_int_equal(rule->run_sec, 30);
	assert_int_equal(rule->max_concurrent, 4);
	rule = rule_of(&policy, UPCALL_CLASS_KEY, "dns_resolver");
	assert_int_equal(rule->handler, HANDLER_DNS);
	assert_int_equal(rule->run_sec, 20);
	assert_true(rule_of(&policy, UPCALL_CLASS_KEY, "user")->answer);
	assert_int_equal(rule_of(&policy, UPCALL_CLASS_RELEASE_AGENT, "")->handler, HANDLER_DENY);
	assert_true(rule_of(&policy, UPCALL_CLASS_OTHER, "")->in_host);
	policy_clear(&policy);
}

#define M "[Match]\nName=a\n"

static void test_bad(void **state)
{
	static const struct {
		const char *desc;
		const char *text;
		const char *where; /* what the error begins with */
		const char *what;  /* and what it says */
	} cases[] = {
		{ "empty", "", "f.conf:1:", "neither Name=, Cgroup=, Runtime= nor User=" },
		{ "no match", "[Core]\nHandler=/a\n",
		  "f.conf:1:", "neither Name=, Cgroup=, Runtime= nor User=" },
		{ "empty name", "[Match]\nName=\n",
		  "f.conf:1:", "neither Name=, Cgroup=, Runtime= nor User=" },
		{ "before any section", "Name=a\n", "f.conf:1:", "before any section" },
		{ "unknown section", M "[Cores]\n", "f.conf:3:", "unknown section [Cores]" },
		{ "case of a section", M "[core]\n", "f.conf:3:", "unknown section" },
		{ "section twice", M "[Module]\n[Module]\n", "f.conf:4:", "twice" },
		{ "match twice", M "[Match]\n", "f.conf:3:", "twice" },
		{ "open section", M "[Core\n", "f.conf:3:", "no section" },
		{ "no setting", M "[Core]\nHandler\n", "f.conf:4:", "neither a section nor" },
		{ "only a value", M "[Core]\n=x\n", "f.conf:4:", "neither a section nor" },
		{ "unknown setting", M "[Core]\nHandlr=/a\n",
		  "f.conf:4:", "unknown setting Handlr=" },
		{ "setting of another section", M "[Core]\nAllow=x\n", "f.conf:4:", "no meaning" },
		{ "no UTF-8", "[Match]\nName=caf\xe9\n", "f.conf:2:", "'caf\\xe9'" },
		{ "setting twice", M "[Core]\nHandler=/a\nHandler=/b\n", "f.conf:5:", "twice" },
		{ "no value", M "[Core]\nHandler=\n", "f.conf:4:", "no value" },
		{ "relative handler", M "[Core]\nHandler=a\n", "f.conf:4:", "absolute path" },
		{ "arguments", M "[Core]\nHandler=/a b\n", "f.conf:4:", "arguments" },
		{ "dns for cores", M "[Core]\nHandler=dns\n", "f.conf:4:", "keys only" },
		{ "module handler", M "[Module]\nHandler=/a\n",
		  "f.conf:4:", "never runs a handler" },
		{ "module quota", M "[Module]\nMaxConcurrent=2\n", "f.conf:4:", "no meaning" },
		{ "allow and deny", M "[Module]\nHandler=deny\nAllow=x\n",
		  "f.conf:3:", "no meaning with" },
		{ "deny and more", M "[Key]\nHandler=deny\nRunIn=host\n",
		  "f.conf:3:", "no meaning with" },
		{ "where to run", M "[Core]\nRunIn=moon\n",
		  "f.conf:4:", "neither container nor host" },
		{ "no time", M "[Core]\nRuntimeMaxSec=0\n", "f.conf:4:", "1 to 3600" },
		{ "too long", M "[Core]\nRuntimeMaxSec=3601\n", "f.conf:4:", "1 to 3600" },
		{ "unit", M "[Core]\nRuntimeMaxSec=5min\n", "f.conf:4:", "1 to 3600" },
		{ "too long for dns", M "[Key]\nHandler=dns\nRuntimeMaxSec=21\n",
		  "f.conf:3:", "(Handler=dns) has 20 seconds at most" },
		{ "too long for an answer", M "[Key]\nRuntimeMaxSec=21\nHandler=/a\nAnswer=yes\n",
		  "f.conf:3:", "(Answer=yes) has 20 seconds at most" },
		{ "too many", M "[Core]\nMaxConcurrent=65\n", "f.conf:4:", "1 to 64" },
		{ "answer", M "[Key]\nAnswer=1\n", "f.conf:4:", "neither yes nor no" },
		{ "answer without program", M "[Key]\nAnswer=yes\n",
		  "f.conf:3:", "needs Handler=" },
		{ "answer of dns", M "[Key]\nHandler=dns\nAnswer=no\n",
		  "f.conf:3:", "always answers" },
		{ "answer of a core", M "[Core]\nAnswer=yes\n", "f.conf:4:", "no meaning" },
		{ "core without handler", M "[Core]\n", "f.conf:3:", "name its Handler=" },
		{ "empty key type", M "[Key ]\n", "f.conf:3:", "key type" },
		{ "bad key type", M "[Key a b]\n", "f.conf:3:", "key type" },
		{ "long key type", M "[Key aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
		  "f.conf:3:", "key type" },
		{ "comment after a value", "[Match]\nName=a # b\n",
		  "f.conf:2:", "line of their own" },
		{ "upper case name", "[Match]\nName=Web\n", "f.conf:2:", "no pattern" },
		{ "host", "[Match]\nName=@host\n", "f.conf:2:", "not supported yet" },
		{ "label", "[Match]\nLabel=x\n", "f.conf:2:", "not supported yet" },
		{ "user", "[Match]\nUser=nobody-like-that\n", "f.conf:2:", "no user in " },
		{ "the user that is none", "[Match]\nUser=4294967295\n",
		  "f.conf:2:", "no user in " },
		{ "user's words", "[Match]\nUser=a:b\n", "f.conf:2:", "no pattern here" },
		{ "user by cgroup", "[Match]\nUser=1000\nCgroup=/a\n",
		  "f.conf:1:", "User= and Cgroup= in one [Match]" },
		{ "relative cgroup", "[Match]\nCgroup=a/b\n", "f.conf:2:", "no path of a cgroup" },
		{ "root cgroup", "[Match]\nCgroup=/\n", "f.conf:2:", "no path of a cgroup" },
		{ "empty component", "[Match]\nCgroup=/a //b\n",
		  "f.conf:2:", "no path of a cgroup" },
		{ "slash at the end", "[Match]\nCgroup=/a/\n", "f.conf:2:", "no path of a cgroup" },
		{ "set of characters", "[Match]\nCgroup=/[ab]\n", "f.conf:2:", "no pattern" },
		{ "backslash", "[Match]\nCgroup=/a\\x2d\n", "f.conf:2:", "no pattern" },
		{ "carriage return", "[Match]\r\nName=a\n", "f.conf:1:", "control character 0x0d" },
		{ "escape", M "[Core]\nHandler=/a\x1b\n", "f.conf:4:", "control character 0x1b" },
		{ "continuation", "[Match]\nName=a \\\nb\n", "f.conf:2:", "no pattern" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[CONFIG_ERROR_SIZE];
		struct policy policy;
		int ret = parse(cases[i].text, strlen(cases[i].text), &policy, error);

		if (ret != -EINVAL || strncmp(error, cases[i].where, strlen(cases[i].where)) ||
		    !strstr(error, cases[i].what))
			fail_msg("%s: %d, '%s'", cases[i].desc, ret, error);
		policy_clear(&policy);
	}
}

static void test_nul(void **state)
{
	static const char text[] = "[Match]\nName=a\0b\n";
	char error[CONFIG_ERROR_SIZE];
	struct policy policy;

	assert_int_equal(parse(text, sizeof(text) - 1, &policy, error), -EINVAL);
	assert_non_null(strstr(error, "f.conf:2: control character 0x00"));
	policy_clear(&policy);
}

static void test_long_line(void **state)
{
	static const struct {
		const char *desc;
		size_t size;
		int ret;
	} cases[] = {
		{ "as long as allowed", CONFIG_LINE_MAX, 0 },
		{ "one more", CONFIG_LINE_MAX + 1, -EINVAL },
		{ "huge", 10 * CONFIG_LINE_MAX, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const char head[] = "[Match]\nName=a\n#";
		size_t size = sizeof(head) - 2 + cases[i].size;
		char *text = malloc(size), error[CONFIG_ERROR_SIZE];
		struct policy policy;
		int ret;

		memset(text, 'x', size);
		memcpy(text, head, sizeof(head) - 1);
		ret = parse(text, size, &policy, error);
		if (ret != cases[i].ret || (ret < 0 && !strstr(error, "f.conf:3: longer")))
			fail_msg("%s: %d, '%s'", cases[i].desc, ret, error);
		policy_clear(&policy);
		free(text);
	}
}

static void test_key_types(void **state)
{
	char text[4096] = "[Match]\nName=a\n", error[CONFIG_ERROR_SIZE];
	struct policy policy;

	for (int i = 0; i < UPCALL_KEY_RULES; i++)
		sprintf(text + strlen(text), "[Key type%d]\n", i);
	assert_int_equal(parse(text, strlen(text), &policy, error), 0);
	policy_clear(&policy);
	strcat(text, "[Key onemore]\n");
	assert_int_equal(parse(text, strlen(text), &policy, error), -EINVAL);
	assert_non_null(strstr(error, "more than 16"));
	policy_clear(&policy);
}

/* Any bytes: an error or a policy, never more. Repeats itself, so a failure can be found again. */
static void test_random(void **state)
{
	static const char *const words[] = {
		"[Match]", "[Core]", "[Key]", "[Key user]", "[Module]", "Name=", "Handler=",   "/a",
		"deny",	   "native", "dns",   "Allow=",	    "*",	"\n",	 "\n",	       "=",
		"RunIn=",  "host",   "[",     "]",	    " ",	"#",	 "Answer=yes",
	};
	char error[CONFIG_ERROR_SIZE];

	srand(1);
	for (int round = 0; round < 20000; round++) {
		char text[512];
		size_t size = 0;
		struct policy policy;
		int ret;

		for (int i = rand() % 24; i > 0; i--) {
			const char *word =
				words[(size_t)rand() % (sizeof(words) / sizeof(words[0]))];

			memcpy(text + size, word, strlen(word));
			size += strlen(word);
		}
		if (size && rand() % 4 == 0)
			text[(size_t)rand() % size] = (char)rand();
		ret = parse(text, size, &policy, error);
		assert_true(ret == 0 || (ret == -EINVAL && *error));
		policy_clear(&policy);
	}
}

/* ------------------------------------------------------------- directories */

struct tree {
	char root[64];
	char lib[80], run[80], etc[80];
	char *directories[4];
};

static int tree_make(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	strcpy(tree->root, "/tmp/upcall-config-XXXXXX");
	if (!mkdtemp(tree->root))
		return -1;
	sprintf(tree->lib, "%s/lib", tree->root);
	sprintf(tree->run, "%s/run", tree->root);
	sprintf(tree->etc, "%s/etc", tree->root);
	tree->directories[0] = tree->lib;
	tree->directories[1] = tree->run;
	tree->directories[2] = tree->etc;
	mkdir(tree->lib, 0755);
	mkdir(tree->etc, 0755); /* run is not there */
	*state = tree;
	return 0;
}

static int tree_free(void **state)
{
	struct tree *tree = *state;
	char command[128];

	sprintf(command, "rm -rf '%s'", tree->root);
	assert_int_equal(system(command), 0);
	free(tree);
	return 0;
}

static void put(const char *directory, const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, 0644), 0);
}

static struct config *load(const struct tree *tree, bool keep_bad, int expected, char *error)
{
	struct config *config = NULL;

	assert_int_equal(config_load(tree->directories, keep_bad, &config, error), expected);
	return config;
}

static const char *chosen(const struct config *config, const char *name)
{
	const struct policy *policy =
		policy_select(config, &(struct policy_subject){ .name = name });

	return policy ? strrchr(policy->file, '/') + 1 : "";
}

static void test_order(void **state)
{
	struct tree *tree = *state;
	char error[CONFIG_ERROR_SIZE];
	struct config *config;

	put(tree->lib, "50-all.conf", "[Match]\nName=*\n");
	put(tree->lib, "10-web.conf", "[Match]\nName=web\n");
	put(tree->etc, "20-w.conf", "[Match]\nName=w*\n");
	put(tree->etc, "20-w.conf.bak", "nonsense");
	put(tree->etc, ".hidden.conf", "nonsense");
	config = load(tree, false, 0, error);
	assert_int_equal(config->count, 3);
	assert_string_equal(chosen(config, "web"), "10-web.conf");
	assert_string_equal(chosen(config, "wide"), "20-w.conf");
	assert_string_equal(chosen(config, "db"), "50-all.conf");
	config_unref(config);
}

static void test_override_and_mask(void **state)
{
	struct tree *tree = *state;
	char error[CONFIG_ERROR_SIZE], path[160];
	struct config *config;

	put(tree->lib, "a.conf", "not even parsed");
	put(tree->etc, "a.conf", "[Match]\nName=a\n");
	put(tree->lib, "b.conf", "[Match]\nName=b\n");
	snprintf(path, sizeof(path), "%s/b.conf", tree->etc);
	assert_int_equal(symlink("/dev/null", path), 0);
	config = load(tree, false, 0, error);
	assert_int_equal(config->count, 1);
	assert_string_equal(chosen(config, "a"), "a.conf");
	assert_string_equal(chosen(config, "b"), "");
	config_unref(config);
}

static void test_refine(void **state)
{
	struct tree *tree = *state;
	char error[CONFIG_ERROR_SIZE], path[160];
	const struct policy *policy;
	struct config *config;

	put(tree->lib, "a.conf",
	    "[Match]\nName=a\n[Core]\nHandler=/one\nMaxConcurrent=2\n[Module]\nAllow=x\n");
	snprintf(path, sizeof(path), "%s/a.conf.d", tree->etc);
	assert_int_equal(mkdir(path, 0755), 0);
	put(path, "20.conf", "[Core]\nHandler=/three\n");
	put(path, "10.conf", "[Match]\nName=b\n[Core]\nHandler=/two\n[Module]\nAllow=y\n[Key]\n");
	config = load(tree, false, 0, error);
	assert_int_equal(config->count, 1);
	policy = policy_select(config, &(struct policy_subject){ .name = "b" });
	assert_non_null(policy);
	assert_string_equal(rule_of(policy, UPCALL_CLASS_CORE, "")->program, "/three");
	assert_int_equal(rule_of(policy, UPCALL_CLASS_CORE, "")->max_concurrent, 2);
	assert_int_equal(strv_count(rule_of(policy, UPCALL_CLASS_MODULE, "")->allow), 2);
	rule_of(policy, UPCALL_CLASS_KEY, "");
	config_unref(config);
}

static void test_bad_set_is_not_taken(void **state)
{
	struct tree *tree = *state;
	char error[CONFIG_ERROR_SIZE];

	put(tree->etc, "a.conf", "[Match]\nName=a\n");
	put(tree->etc, "b.conf", "[Match]\nName=b\n[Nonsense]\n");
	assert_null(load(tree, false, -EINVAL, error));
	assert_non_null(strstr(error, "/etc/b.conf:3: unknown section"));
}

/* At start: who a bad file is about is refused; where that is not known, all whom no earlier file
 * has. */
static void test_bad_set_at_start(void **state)
{
	static const struct {
		const char *desc;
		const char *text;
		bool b_bad, other_bad;
	} cases[] = {
		{ "match is whole", "[Match]\nName=b\n[Nonsense]\n", true, false },
		{ "match is bad", "[Match]\nName=b\nNonsense\n", true, true },
		{ "match comes later", "[Nonsense]\n[Match]\nName=b\n", true, true },
		{ "checked as a whole", "[Match]\nName=b\n[Core]\n", true, false },
		{ "nothing in it", "", true, true },
	};
	struct tree *tree = *state;

	put(tree->etc, "a.conf", "[Match]\nName=a\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[CONFIG_ERROR_SIZE];
		const struct policy *a, *b, *other;
		struct config *config;

		put(tree->etc, "b.conf", cases[i].text);
		config = load(tree, true, -EINVAL, error);
		assert_non_null(config);
		a = policy_select(config, &(struct policy_subject){ .name = "a" });
		b = policy_select(config, &(struct policy_subject){ .name = "b" });
		other = policy_select(config, &(struct policy_subject){ .name = "other" });
		if (!a || a->bad || (b && b->bad) != cases[i].b_bad ||
		    (other && other->bad) != cases[i].other_bad || !*error)
			fail_msg("%s: '%s'", cases[i].desc, error);
		config_unref(config);
	}
}

/* A user who has gone is said, and nobody: the file is no reason to refuse anybody anything. */
static void test_gone_user_at_start(void **state)
{
	const struct policy_subject user = { .name = "7-web", .uid = 7 };
	struct tree *tree = *state;
	char error[CONFIG_ERROR_SIZE];
	const struct policy *policy;
	struct config *config;

	put(tree->etc, "a.conf", "[Match]\nUser=nobody-like-that 7\n[Core]\nHandler=deny\n");
	put(tree->etc, "b.conf", "[Match]\nName=b\n");
	assert_null(load(tree, false, -EINVAL, error));
	config = load(tree, true, -EINVAL, error);
	assert_non_null(strstr(error, "a.conf:2: User=nobody-like-that: no user in "));
	policy = policy_select(config, &user);
	assert_true(policy == &config->policies[0] && !policy->bad);
	policy = policy_select(config, &(struct policy_subject){ .name = "b" });
	assert_true(policy == &config->policies[1] && !policy->bad);
	assert_null(policy_select(config, &(struct policy_subject){ .name = "c" }));
	config_unref(config);
	/* both at once: who is taken by his cgroup would go by another file */
	put(tree->etc, "a.conf", "[Match]\nUser=7\nCgroup=/a\n[Core]\nHandler=deny\n");
	config = load(tree, true, -EINVAL, error);
	assert_true(policy_select(config, &(struct policy_subject){ .name = "c" })->bad);
	config_unref(config);
}

static void test_bad_refinement_at_start(void **state)
{
	struct tree *tree = *state;
	char error[CONFIG_ERROR_SIZE], path[160];
	struct config *config;

	put(tree->etc, "a.conf", "[Match]\nName=a\n");
	snprintf(path, sizeof(path), "%s/a.conf.d", tree->etc);
	assert_int_equal(mkdir(path, 0755), 0);
	put(path, "x.conf", "[Nonsense]\n");
	config = load(tree, true, -EINVAL, error);
	assert_true(policy_select(config, &(struct policy_subject){ .name = "a" })->bad);
	assert_null(policy_select(config, &(struct policy_subject){ .name = "b" }));
	config_unref(config);
	put(path, "x.conf", "[Match]\nName=B\n");
	config = load(tree, true, -EINVAL, error);
	assert_true(policy_select(config, &(struct policy_subject){ .name = "b" })->bad);
	config_unref(config);
	/* what is bad comes before the file that says whom else it is about */
	put(path, "x.conf", "[Nonsense]\n");
	put(path, "y.conf", "[Match]\nName=b\n");
	config = load(tree, true, -EINVAL, error);
	assert_true(policy_select(config, &(struct policy_subject){ .name = "b" })->bad);
	config_unref(config);
	put(path, "x.conf", "");
	put(tree->etc, "a.conf", "[Match]\nName=a\n[Nonsense]\n");
	config = load(tree, true, -EINVAL, error);
	assert_true(policy_select(config, &(struct policy_subject){ .name = "a" })->bad);
	assert_true(policy_select(config, &(struct policy_subject){ .name = "b" })->bad);
	config_unref(config);
}

static void test_files_that_are_refused(void **state)
{
	struct tree *tree = *state;
	char error[CONFIG_ERROR_SIZE], path[160];

	snprintf(path, sizeof(path), "%s/a.conf", tree->etc);
	assert_int_equal(mkdir(path, 0755), 0);
	load(tree, false, -EINVAL, error);
	assert_non_null(strstr(error, "no regular file"));
	rmdir(path);

	assert_int_equal(mkfifo(path, 0644), 0);
	load(tree, false, -EINVAL, error);
	assert_non_null(strstr(error, "no regular file"));
	unlink(path);

	put(tree->etc, "a.conf", "[Match]\nName=a\n");
	chmod(path, 0664);
	load(tree, false, -EINVAL, error);
	assert_non_null(strstr(error, "others than root may write"));

	chmod(path, 0644);
	assert_int_equal(truncate(path, CONFIG_FILE_MAX + 1), 0);
	load(tree, false, -EINVAL, error);
	assert_non_null(strstr(error, "larger than"));
}

static void test_unreadable_directory(void **state)
{
	struct tree *tree = *state;
	char error[CONFIG_ERROR_SIZE];
	struct config *config;

	rmdir(tree->etc);
	put(tree->root, "etc", "a file, not a directory");
	assert_null(load(tree, false, -EINVAL, error));
	config = load(tree, true, -EINVAL, error);
	assert_true(policy_select(config, &(struct policy_subject){ .name = "anything" })->bad);
	config_unref(config);
}

static void test_nothing(void **state)
{
	struct tree *tree = *state;
	char error[CONFIG_ERROR_SIZE];
	struct config *config = load(tree, false, 0, error);

	assert_int_equal(config->count, 0);
	assert_null(policy_select(config, &(struct policy_subject){ .name = "web" }));
	config_unref(config);
}

#define in_tree(test) cmocka_unit_test_setup_teardown(test, tree_make, tree_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_key_types),
		cmocka_unit_test(test_random),
		in_tree(test_order),
		in_tree(test_override_and_mask),
		in_tree(test_refine),
		in_tree(test_bad_set_is_not_taken),
		in_tree(test_bad_set_at_start),
		in_tree(test_gone_user_at_start),
		in_tree(test_bad_refinement_at_start),
		in_tree(test_files_that_are_refused),
		in_tree(test_unreadable_directory),
		in_tree(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
