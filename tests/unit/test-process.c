// SPDX-License-Identifier: GPL-2.0-or-later
/* pidfds, paths of cgroups, and other small files. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"
#include "counters.h"
#include "process.h"

static pid_t child_start(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static void test_pidfd(void **state)
{
	pid_t pid = child_start();
	int pidfd = pidfd_of((uint32_t)pid);
	uint32_t found, parent;

	assert_true(pidfd >= 0);
	assert_int_equal(pidfd_pid(pidfd, &found), 0);
	assert_int_equal(found, pid);
	assert_true(pidfd_alive(pidfd));
	assert_int_equal(process_parent((uint32_t)pid, &parent), 0);
	assert_int_equal(parent, getpid());

	kill(pid, SIGKILL);
	for (int i = 0; i < 1000 && pidfd_alive(pidfd); i++)
		usleep(1000);
	/* a zombie is dead, but still has its number */
	assert_false(pidfd_alive(pidfd));
	assert_int_equal(pidfd_pid(pidfd, &found), 0);
	waitpid(pid, NULL, 0);
	assert_int_equal(pidfd_pid(pidfd, &found), -ESRCH);
	assert_int_equal(process_parent((uint32_t)pid, &parent), -ESRCH);
	close(pidfd);
}

/* What the shim would say, but for what is below a clock tick. */
static void test_identity(void **state)
{
	pid_t pid = child_start();
	uint32_t ns[UPCALL_NS_COUNT], own[UPCALL_NS_COUNT];
	uint64_t start_time, now;
	struct timespec clock;
	struct stat st;

	(void)clock_gettime(CLOCK_BOOTTIME, &clock);
	now = (uint64_t)clock.tv_sec * 1000000000 + (uint64_t)clock.tv_nsec;
	assert_int_equal(process_start_time((uint32_t)pid, &start_time), 0);
	assert_true(start_time <= now + 10000000 && start_time + UINT64_C(60000000000) > now);
	assert_int_equal(process_cut_time(start_time), start_time);
	assert_int_equal(process_cut_time(start_time + 9999999), start_time);
	assert_int_equal(process_cut_time(start_time + 10000000), start_time + 10000000);
	assert_int_equal(process_namespaces((uint32_t)pid, ns), 0);
	assert_int_equal(process_namespaces((uint32_t)getpid(), own), 0);
	assert_memory_equal(ns, own, sizeof(ns));
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_int_equal(ns[UPCALL_NS_NET], st.st_ino);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(process_start_time((uint32_t)pid, &start_time), -ESRCH);
	assert_int_equal(process_namespaces((uint32_t)pid, ns), -ESRCH);
}

static void test_no_pidfd(void **state)
{
	uint32_t pid;

	assert_int_equal(pidfd_pid(STDIN_FILENO, &pid), -EBADF);
	assert_int_equal(pidfd_of(UINT32_MAX / 2), -ESRCH);
}

static void test_normalize(void **state)
{
	static const struct {
		const char *desc;
		const char *text;
		const char *expected; /* NULL: refused */
	} cases[] = {
		{ "relative", "a/b", "a/b" },
		{ "absolute", "/a/b", "a/b" },
		{ "with the root", "/sys/fs/cgroup/a/b", "a/b" },
		{ "slashes at the end", "/a/b//", "a/b" },
		{ "something that only looks like the root", "/sys/fs/cgroups/a",
		  "sys/fs/cgroups/a" },
		{ "escaped name", "a/b\\x2d1", "a/b\\x2d1" },
		{ "the root", "/", NULL },
		{ "the root's path", "/sys/fs/cgroup", NULL },
		{ "the root's path and a slash", "/sys/fs/cgroup/", NULL },
		{ "empty", "", NULL },
		{ "newline", "a\nb", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[CGROUP_PATH_MAX + 1] = "";
		int ret = cgroup_normalize(cases[i].text, out, sizeof(out));

		if ((ret < 0) != !cases[i].expected ||
		    (cases[i].expected && strcmp(out, cases[i].expected)))
			fail_msg("%s: %d '%s'", cases[i].desc, ret, out);
	}
}

static void test_normalize_long(void **state)
{
	char text[CGROUP_PATH_MAX + 2], out[CGROUP_PATH_MAX + 2];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(cgroup_normalize(text, out, sizeof(out)), -EINVAL);
	text[CGROUP_PATH_MAX] = '\0';
	assert_int_equal(cgroup_normalize(text, out, sizeof(out)), 0);
}

static void test_no_cgroup(void **state)
{
	static const char *const paths[] = { "no such cgroup", "../../etc", "a/../../../etc" };
	uint64_t id;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_true(cgroup_id(paths[i], &id) < 0);
}

static void test_read_line(void **state)
{
	char line[8];

	assert_int_equal(read_line("/proc/version", line, sizeof(line)), 0);
	assert_string_equal(line, "Linux v");
	assert_int_equal(read_line("/nonexistent", line, sizeof(line)), -ENOENT);
}

static void test_counters(void **state)
{
	static const struct {
		const char *desc;
		const char *text;
		uint64_t served;
	} cases[] = {
		{ "whole", "1 2 3 4 5\n", 1 },		 { "too few", "1 2 3 4\n", 0 },
		{ "too many", "1 2 3 4 5 6\n", 0 },	 { "empty", "", 0 },
		{ "no number", "1 2 x 4 5\n", 0 },	 { "two blanks", "1  2 3 4 5\n", 0 },
		{ "blank at the end", "1 2 3 4 5 ", 0 },
	};
	const struct counters saved = { 1, UINT64_MAX, 3, 4, 5 };
	char folder[] = "/tmp/upcall-counters-XXXXXX", path[64];
	struct counters counters;

	assert_non_null(mkdtemp(folder));
	counters_load(folder, &counters);
	assert_int_equal(counters.served, 0);
	assert_int_equal(counters_save(folder, &saved), 0);
	counters_load(folder, &counters);
	assert_memory_equal(&counters, &saved, sizeof(saved));
	sprintf(path, "%s/counters", folder);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *file = fopen(path, "w");

		fputs(cases[i].text, file);
		fclose(file);
		counters_load(folder, &counters);
		if (counters.served != cases[i].served)
			fail_msg("%s", cases[i].desc);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_true(counters_save(folder, &saved) < 0);
}

/* --------------------------------------------------- a cgroup, as folders and files */

struct tree {
	char root[40];
};

static void put_file(const char *directory, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	fputs(text, file);
	fclose(file);
}

static void tree_make(struct tree *tree, const char *descendants)
{
	char text[64];

	strcpy(tree->root, "/tmp/upcall-cgroup-XXXXXX");
	assert_non_null(mkdtemp(tree->root));
	snprintf(text, sizeof(text), "nr_descendants %s\nnr_dying_descendants 0\n", descendants);
	put_file(tree->root, "cgroup.stat", text);
}

static void tree_add(struct tree *tree, unsigned int number, const char *tasks)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%u", tree->root, number);
	assert_int_equal(mkdir(path, 0755), 0);
	put_file(path, "cgroup.procs", tasks);
}

static void tree_remove(struct tree *tree)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", tree->root);
	assert_int_equal(system(command), 0);
}

static void test_own_cgroup(void **state)
{
	uint32_t self = (uint32_t)getpid();
	pid_t child = child_start();
	struct tree tree;
	char tasks[64];

	tree_make(&tree, "2");
	snprintf(tasks, sizeof(tasks), "%u\n%d\n", self, child);
	put_file(tree.root, "cgroup.procs", tasks);
	tree_add(&tree, 1, "");
	assert_int_equal(cgroup_directory_is_own(tree.root, self), 0);
	/* the leader's parent, or the host's init, is nobody's descendant */
	assert_int_equal(cgroup_directory_is_own(tree.root, (uint32_t)child), -EBUSY);
	tree_add(&tree, 2, "0\n");
	assert_int_equal(cgroup_directory_is_own(tree.root, self), -EBUSY);
	tree_remove(&tree);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* However the container divides it: cgroups, tasks, and parents of tasks have one bound. */
static void test_large_cgroup(void **state)
{
	uint32_t self = (uint32_t)getpid();
	struct tree tree;
	char tasks[32];

	/* the kernel says that there are many: nothing is looked at */
	tree_make(&tree, "1025");
	put_file(tree.root, "cgroup.procs", "0\n");
	assert_int_equal(cgroup_directory_is_own(tree.root, self), -E2BIG);
	tree_remove(&tree);

	/* many have been made since it was asked */
	tree_make(&tree, "3");
	for (unsigned int i = 0; i < 1025; i++)
		tree_add(&tree, i, "");
	assert_int_equal(cgroup_directory_is_own(tree.root, self), -E2BIG);
	tree_remove(&tree);

	/* many tasks, not so many cgroups */
	tree_make(&tree, "300");
	snprintf(tasks, sizeof(tasks), "%u\n", self);
	for (unsigned int i = 0; i < 300; i++) {
		char text[50 * sizeof(tasks)] = "";

		for (int task = 0; task < 50; task++)
			strcat(text, tasks);
		tree_add(&tree, i, text);
	}
	assert_int_equal(cgroup_directory_is_own(tree.root, self), -E2BIG);
	tree_remove(&tree);
}

/* The root of all has tasks, and no file that says so; what is not there has none. */
static void test_cgroup_is_empty(void **state)
{
	assert_false(cgroup_is_empty("/"));
	assert_true(cgroup_is_empty("/there-is-no-such-cgroup"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pidfd),		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_no_pidfd),	cmocka_unit_test(test_normalize),
		cmocka_unit_test(test_normalize_long),	cmocka_unit_test(test_no_cgroup),
		cmocka_unit_test(test_read_line),	cmocka_unit_test(test_counters),
		cmocka_unit_test(test_own_cgroup),	cmocka_unit_test(test_large_cgroup),
		cmocka_unit_test(test_cgroup_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
