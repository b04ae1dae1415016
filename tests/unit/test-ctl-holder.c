// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose holder `unregister` ends, with directories for cgroups. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup-events.h"
#include "cgroup.h"
#include "ctl-run.h"
#include "fake-daemon.h"
#include "holder.h"
#include "verb.h"

#define OPENED_SIZE 64

static char opened[OPENED_SIZE]; /* the last cgroup that was */
static const char *place;	 /* the cgroup in which each process is; NULL: none is any more */

int __wrap_cgroup_open(const char *path);
int __wrap_cgroup_event_wait(int dir, const char *event, bool value, int64_t deadline);
int __wrap_process_cgroup(uint32_t pid, char *out, size_t room);

int __wrap_cgroup_open(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	snprintf(opened, sizeof(opened), "%s", path);
	return fd < 0 ? -errno : fd;
}

/* Nobody lives in any of them. */
int __wrap_cgroup_event_wait(int dir, const char *event, bool value, int64_t deadline)
{
	return 0;
}

int __wrap_process_cgroup(uint32_t pid, char *out, size_t room)
{
	if (!place)
		return -ESRCH;
	assert_true((size_t)snprintf(out, room, "%s", place) < room);
	return 0;
}

/* main.c's, which the verb has no use for here */
int print_verb_help(const struct verb *verb)
{
	return STATUS_FAILED;
}

int finish_output(const struct verb *verb)
{
	return STATUS_OK;
}

static bool leaf_is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int unregister_web(void)
{
	char verb[] = "unregister", name[] = "web";
	char *argv[] = { verb, name, NULL };

	optind = 0;
	return verb_unregister.run(&verb_unregister, 2, argv);
}

/* Of alice's web, which is listed first, nothing is root's. */
static void test_whose_name(void **state)
{
	struct fake_daemon fake = { .listed = "1000-web",
				    .listed_uid = 1000,
				    .listed_cgroup = "alices",
				    .cgroup = "roots" };

	assert_int_equal(mkdir("alices", 0755), 0);
	assert_int_equal(mkdir("alices/upcall-holder-web", 0755), 0);
	assert_int_equal(mkdir("roots", 0755), 0);
	assert_int_equal(mkdir("roots/upcall-holder-web", 0755), 0);
	fake_daemon_start(&fake);
	assert_int_equal(unregister_web(), STATUS_OK);
	fake_daemon_stop(&fake);
	assert_string_equal(opened, "roots");
	assert_true(leaf_is_there("alices/upcall-holder-web"));
	assert_false(leaf_is_there("roots/upcall-holder-web"));
}

/* A container that never had a holder gives nothing away of its cgroup. */
static void test_no_leaf(void **state)
{
	const struct upcall_entry entry = { .name = "web", .cgroup = "bare", .leader = 4711 };
	struct holder holder = HOLDER_NULL;

	assert_int_equal(mkdir("bare", 0755), 0);
	holder_find(&holder, &entry);
	assert_string_equal(opened, "bare");
	assert_int_equal(holder.cgroup, -1);
	assert_int_equal(holder.pidfd, -1);
	assert_false(holder.made);
}

static pid_t fork_holder(void)
{
	int ready[2];
	pid_t pid;
	char word;

	assert_int_equal(pipe(ready), 0); /* lint: a test's own */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(30);
		if (prctl(PR_SET_NAME, HOLDER_NAME) < 0 || write(ready[1], "1", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &word, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* The holder of a container whose cgroup is shown so is that which is at the place. */
static void found_at(const char *shown, const char *at, const char *cgroup)
{
	const pid_t pid = fork_holder();
	const struct upcall_entry entry = { .name = "web",
					    .cgroup = shown,
					    .leader = (uint32_t)pid };
	struct holder holder = HOLDER_NULL;
	char leaf[OPENED_SIZE];
	int status;

	snprintf(leaf, sizeof(leaf), "%s/upcall-holder-web", cgroup);
	ctl_put(leaf, "", 0644); /* its parents */
	assert_int_equal(unlink(leaf), 0);
	assert_int_equal(mkdir(leaf, 0755), 0);
	place = at;
	holder_find(&holder, &entry);
	place = NULL;
	assert_string_equal(opened, cgroup);
	assert_int_equal(holder_end(&holder), 0);
	assert_false(leaf_is_there(leaf));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* What is shown of a cgroup is not its name, where that is not ASCII. */
static void test_names(void **state)
{
	found_at("a/b", "/a/b/upcall-holder-web", "a/b");
	found_at("a/b", "/a/b/elsewhere/deep", "a/b");
	found_at("b\\xc3\\xbc", "/b\xc3\xbc/upcall-holder-web", "b\xc3\xbc");
	found_at("b\\xc3\\xbc", "/b\\xc3\\xbc/upcall-holder-web", "b\\xc3\\xbc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_name),
		cmocka_unit_test(test_no_leaf),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, ctl_enter, ctl_leave);
}
