// SPDX-License-Identifier: GPL-2.0-or-later
/* State files: round trip, and everything that is no whole file. */
#include <errno.h>
#include <fcntl.h>
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

#include "state.h"
#include "text.h"

static struct container *example(void)
{
	struct container *container = container_new("web");

	container->uid = 0;
	container->leader = 1234;
	container->start_time = 98765432101;
	container->net_cookie = 4099;
	container->cgroup_id = 777;
	container->cgroup_derived = 1;
	container->own_ns = 0x7f;
	for (uint32_t i = 0; i < UPCALL_NS_COUNT; i++)
		container->ns[i] = 4026531835U + i;
	container->since = 1700000000000000;
	container->served = 3;
	container->failed = 1;
	container->filter = 5;
	container->cgroup = strdup("machine.slice/machine-web\\x2d1.scope");
	container->runtime = strdup("docker");
	strv_append(&container->labels, "tier=front", 10);
	strv_append(&container->labels, "b", 1);
	return container;
}

static void assert_same(const struct container *a, const struct container *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->leader, b->leader);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->start_time, b->start_time);
	assert_int_equal(a->net_cookie, b->net_cookie);
	assert_int_equal(a->cgroup_id, b->cgroup_id);
	assert_int_equal(a->cgroup_derived, b->cgroup_derived);
	assert_int_equal(a->own_ns, b->own_ns);
	assert_memory_equal(a->ns, b->ns, sizeof(a->ns));
	assert_int_equal(a->since, b->since);
	assert_int_equal(a->served, b->served);
	assert_int_equal(a->failed, b->failed);
	assert_int_equal(a->filter, b->filter);
	assert_string_equal(a->cgroup, b->cgroup);
	assert_string_equal(a->runtime, b->runtime);
	assert_int_equal(strv_count(a->labels), strv_count(b->labels));
	assert_string_equal(a->labels[1], b->labels[1]);
}

/* A boundary that is none cannot have been found. */
static void test_derived_nothing(void **state)
{
	struct container *container = example(), *again = NULL;
	char text[STATE_FILE_MAX];

	free(container->cgroup);
	container->cgroup = NULL;
	container->cgroup_id = 0;
	for (uint32_t derived = 0; derived < 2; derived++) {
		container->cgroup_derived = derived;
		assert_int_equal(state_parse(text,
					     (size_t)state_format(container, text, sizeof(text)),
					     &again),
				 derived ? -EBADMSG : 0);
	}
	container_free(again);
	container_free(container);
}

static void test_round_trip(void **state)
{
	struct container *container = example(), *again = NULL;
	char text[STATE_FILE_MAX];
	int size = state_format(container, text, sizeof(text));

	assert_true(size > 0);
	assert_int_equal(state_parse(text, (size_t)size, &again), 0);
	assert_same(container, again);
	container_free(container);
	container_free(again);
}

static void test_without_options(void **state)
{
	struct container *container = container_new("a"), *again = NULL;
	char text[STATE_FILE_MAX];
	int size = state_format(container, text, sizeof(text));

	assert_int_equal(state_parse(text, (size_t)size, &again), 0);
	assert_null(again->cgroup);
	assert_null(again->runtime);
	assert_null(again->labels);
	assert_null(strstr(text, "FILTER="));
	assert_int_equal(again->filter, 0);
	container_free(container);
	container_free(again);
}

static void test_no_room(void **state)
{
	struct container *container = example();
	char text[STATE_FILE_MAX];
	int size = state_format(container, text, sizeof(text));

	for (size_t room = 1; room <= (size_t)size; room++)
		assert_int_equal(state_format(container, text, room), -EMSGSIZE);
	assert_int_equal(state_format(container, text, (size_t)size + 1), size);
	container_free(container);
}

/* A file that ends anywhere before its end is none. */
static void test_truncated(void **state)
{
	struct container *container = example(), *again = NULL;
	char text[STATE_FILE_MAX];
	int size = state_format(container, text, sizeof(text));

	for (int cut = 0; cut < size; cut++)
		assert_int_equal(state_parse(text, (size_t)cut, &again), -EBADMSG);
	container_free(container);
}

/* Any byte changed: it is refused, or another container, but nothing else. */
static void test_corrupt(void **state)
{
	struct container *container = example();
	char text[STATE_FILE_MAX], bad[STATE_FILE_MAX];
	int size = state_format(container, text, sizeof(text));

	for (int at = 0; at < size; at++)
		for (int byte = 0; byte < 256; byte += 5) {
			struct container *again = NULL;
			int ret;

			memcpy(bad, text, (size_t)size);
			bad[at] = (char)byte;
			ret = state_parse(bad, (size_t)size, &again);
			assert_true(ret == 0 || ret == -EBADMSG);
			container_free(again);
		}
	container_free(container);
}

static void replace(char *text, const char *what, const char *with)
{
	char rest[STATE_FILE_MAX], *at = strstr(text, what);

	assert_non_null(at);
	strcpy(rest, at + strlen(what));
	strcpy(at, with);
	strcat(text, rest);
}

static void test_refused(void **state)
{
	static const struct {
		const char *desc;
		const char *what;
		const char *with;
	} cases[] = {
		{ "another version", "VERSION=1\n", "VERSION=2\n" },
		{ "no version", "VERSION=1\n", "" },
		{ "no leader", "LEADER=1234\n", "" },
		{ "leader twice", "LEADER=1234\n", "LEADER=1234\nLEADER=1234\n" },
		{ "number too large", "LEADER=1234\n", "LEADER=4294967296\n" },
		{ "negative number", "LEADER=1234\n", "LEADER=-1\n" },
		{ "no number", "LEADER=1234\n", "LEADER=\n" },
		{ "a filter of no bytes", "FILTER=5\n", "FILTER=0\n" },
		{ "unknown key", "LEADER=1234\n", "LEADER=1234\nFOO=1\n" },
		{ "no key", "LEADER=1234\n", "LEADER=1234\nFOO\n" },
		{ "bad name", "NAME=web\n", "NAME=../web\n" },
		{ "runtime with an escape sequence", "RUNTIME=docker\n", "RUNTIME=\x1b[2J\n" },
		{ "runtime that is no UTF-8", "RUNTIME=docker\n", "RUNTIME=\xff\n" },
		{ "empty path", "CGROUP=machine.slice/machine-web\\x2d1.scope\n", "CGROUP=\n" },
		{ "id without path", "CGROUP=machine.slice/machine-web\\x2d1.scope\n", "" },
		{ "path without id", "CGROUP_ID=777\n", "CGROUP_ID=0\n" },
		{ "derived more than once", "CGROUP_DERIVED=1\n", "CGROUP_DERIVED=2\n" },
		{ "after the end", "END=1\n", "END=1\nLEADER=1\n" },
		{ "blank line", "UID=0\n", "UID=0\n\n" },
	};
	struct container *container = example();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[STATE_FILE_MAX];
		struct container *again = NULL;
		int size = state_format(container, text, sizeof(text));

		text[size] = '\0';
		replace(text, cases[i].what, cases[i].with);
		if (state_parse(text, strlen(text), &again) != -EBADMSG)
			fail_msg("%s", cases[i].desc);
	}
	container_free(container);
}

static void test_huge_line(void **state)
{
	char *text = malloc(STATE_FILE_MAX);
	struct container *again = NULL;

	memset(text, 'A', STATE_FILE_MAX);
	memcpy(text, "VERSION=1\n", 10);
	text[STATE_FILE_MAX - 1] = '\n';
	assert_int_equal(state_parse(text, STATE_FILE_MAX, &again), -EBADMSG);
	free(text);
}

static void test_too_many_labels(void **state)
{
	struct container *container = example(), *again = NULL;
	char text[STATE_FILE_MAX];
	int size;

	for (int i = 0; i < STATE_LABELS_MAX; i++)
		strv_append(&container->labels, "x", 1);
	size = state_format(container, text, sizeof(text));
	assert_int_equal(state_parse(text, (size_t)size, &again), -EBADMSG);
	container_free(container);
}

/* ------------------------------------------------------------------ files */

static void test_files(void **state)
{
	char base[] = "/tmp/upcall-state-XXXXXX", command[64], filter[16];
	struct container *container = example(), *again = NULL;
	char **names = NULL;
	struct stat st;
	int folder, fd;

	assert_non_null(mkdtemp(base));
	folder = state_open(base);
	assert_true(folder >= 0);
	assert_int_equal(state_save(folder, container), 0);
	assert_int_equal(state_save(folder, container), 0);
	assert_int_equal(fstatat(folder, "web", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* beside it, and no container's name */
	assert_int_equal(state_open_filter(folder, "web"), -ENOENT);
	assert_int_equal(state_save_filter(folder, "web", "12345678", 8), 0);
	assert_int_equal(state_save_filter(folder, "web", "abcdefgh", 8), 0);
	fd = state_open_filter(folder, "web");
	assert_int_equal(read(fd, filter, sizeof(filter)), 8);
	assert_memory_equal(filter, "abcdefgh", 8);
	close(fd);
	assert_int_equal(state_names(folder, &names), 0);
	assert_int_equal(strv_count(names), 1);
	assert_int_equal(state_load(folder, "web", &again), 0);
	assert_same(container, again);
	container_free(again);

	/* under another name it is another's */
	assert_int_equal(renameat(folder, "web", folder, "mail"), 0);
	assert_int_equal(state_load(folder, "mail", &again), -EBADMSG);
	assert_int_equal(state_load(folder, "web", &again), -ENOENT);
	/* what somebody has left, and nothing else */
	assert_int_equal(state_save_filter(folder, "db", "12345678", 8), 0);
	fd = openat(folder, ".newdb", O_WRONLY | O_CREAT, 0600);
	close(fd);
	assert_int_equal(renameat(folder, "mail", folder, "web"), 0);
	state_sweep(folder);
	assert_int_equal(state_open_filter(folder, "db"), -ENOENT);
	assert_int_equal(faccessat(folder, ".newdb", F_OK, 0), -1);
	fd = state_open_filter(folder, "web");
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(renameat(folder, "web", folder, "mail"), 0);
	/* the state goes with its filter */
	state_remove(folder, "web");
	assert_int_equal(state_open_filter(folder, "web"), -ENOENT);
	/* a link is not followed */
	assert_int_equal(symlinkat("mail", folder, "web"), 0);
	assert_int_equal(state_load(folder, "web", &again), -ELOOP);
	/* too large */
	fd = openat(folder, "big", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, STATE_FILE_MAX + 1), 0);
	close(fd);
	assert_int_equal(state_load(folder, "big", &again), -EBADMSG);

	strv_free(names);
	container_free(container);
	close(folder);
	sprintf(command, "rm -rf %s", base);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derived_nothing), cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_without_options), cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_truncated),	cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_refused),		cmocka_unit_test(test_huge_line),
		cmocka_unit_test(test_too_many_labels), cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
