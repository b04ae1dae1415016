// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "container-fixture.h"
#include "keeper-ask.h"

static char cgroup[512]; /* the body's; "": there are none */

bool is_user(void)
{
	return geteuid();
}

bool have_cgroup(void)
{
	return cgroup[0];
}

static const char *cgroup_mount(void)
{
	return access("/sys/fs/cgroup/cgroup.procs", F_OK) ? "/sys/fs/cgroup/unified" :
							     "/sys/fs/cgroup";
}

static void cgroup_make(void)
{
	/* what another test left is none of this one's */
	static unsigned int number;
	char line[256];
	FILE *file = fopen("/proc/self/cgroup", "re");

	cgroup[0] = '\0';
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::/", 4)) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(cgroup, sizeof(cgroup), "%s%s/upcall-test-%d-%u", cgroup_mount(),
				 line[4] ? line + 3 : "", getpid(), number++);
		}
	fclose(file);
	if (cgroup[0] && mkdir(cgroup, 0755) < 0)
		cgroup[0] = '\0';
}

static void cgroup_join(uid_t owner)
{
	static const char *const files[] = { "", "/cgroup.procs", "/cgroup.subtree_control" };
	char path[600];
	int fd;

	if (!have_cgroup())
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", cgroup, files[i]);
		require(!chown(path, owner, owner));
	}
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	require(fd >= 0 && write(fd, "0", 1) == 1);
	close(fd);
}

static void become_user(void)
{
	if (geteuid())
		return;
	require(!setgroups(0, NULL));
	require(!setresgid(USER_ID, USER_ID, USER_ID));
	require(!setresuid(USER_ID, USER_ID, USER_ID));
	/* or all in /proc of ours is root's */
	require(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static _Noreturn void child_run(void (*body)(void), bool user, uid_t cgroup_owner)
{
	alarm(TEST_SECONDS);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	cgroup_join(cgroup_owner);
	if (user)
		become_user();
	body();
	/* what is left goes now, by itself */
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	_exit(0);
}

/* What a test that failed has left is not the machine's for ever. */
static void cgroup_kill(void)
{
	char command[1200];

	print_message("what is left in %s is killed\n", cgroup);
	snprintf(command, sizeof(command),
		 "echo 1 >%s/cgroup.kill; sleep 1; find %s -depth -type d -exec rmdir {} +", cgroup,
		 cgroup);
	(void)!system(command);
}

static void run(void (*body)(void), bool user, uid_t cgroup_owner)
{
	bool left = false;
	int status;
	pid_t pid;

	cgroup_make();
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child_run(body, user, cgroup_owner);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	left = have_cgroup() && rmdir(cgroup) < 0;
	if (left)
		cgroup_kill();
	/* 14: something did not end within TEST_SECONDS */
	assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, 0);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_false(left);
}

void as_root(void (*body)(void))
{
	if (geteuid())
		skip();
	run(body, false, 0);
}

static void skip_without_user_namespaces(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		become_user();
		_exit(unshare(CLONE_NEWUSER) < 0 ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		skip();
}

void as_user(void (*body)(void))
{
	skip_without_user_namespaces();
	run(body, true, USER_ID);
}

void as_user_without_cgroup(void (*body)(void))
{
	skip_without_user_namespaces();
	run(body, true, 0);
}

void require_exits(pid_t pid, int expected)
{
	int status;

	require_equal(pid, waitpid(pid, &status, 0));
	require_equal(expected, WIFSIGNALED(status) ? -1 : WEXITSTATUS(status));
}

ino_t namespace_of(pid_t pid, const char *name)
{
	char path[64];
	struct stat st;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	require(!stat(path, &st));
	return st.st_ino;
}

void require_gone(int pidfd)
{
	struct pollfd poller = { .fd = pidfd, .events = POLLIN };

	require_equal(1, poll(&poller, 1, TEST_SECONDS * 1000));
}

int made(unsigned int flags)
{
	static const struct upcall_id_range ids[] = { { 0, 100000, 1000 }, { 0 } };
	static const struct upcall_container_options mapped = { .uids = ids, .gids = ids };
	int fd = upcall_container_create("test", flags | CLOSED | (is_user() ? USER : 0),
					 !is_user() && flags & USER ? &mapped : NULL);

	require(fd >= 0 || (errno = -fd, false));
	return fd;
}

_Noreturn void stay(void)
{
	close_range(3, ~0U, 0);
	for (;;)
		pause();
}

pid_t lived_in(int fd)
{
	int ready[2];
	char none;
	pid_t pid;

	require(!pipe2(ready, O_CLOEXEC));
	pid = upcall_container_fork(fd);
	require(pid >= 0 || (errno = -pid, false));
	if (!pid) {
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		stay();
	}
	close(ready[1]);
	require_equal(0, read(ready[0], &none, 1));
	close(ready[0]);
	return pid;
}

void mkdir_in(int root, const char *path)
{
	require_equal(0, mkdirat(root, path, 0755));
}

int set_namespace_of(int fd, pid_t pid, const char *name)
{
	char path[64];
	int ns, r;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	require(ns >= 0);
	r = upcall_container_set_namespace(fd, ns);
	close(ns);
	return r;
}

void procs_write(int dir, pid_t pid)
{
	int procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	require(procs >= 0 && dprintf(procs, "%d", pid) > 0);
	close(procs);
}

int fork_asked(int fd, struct keeper_reply *reply)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	int conversation = keeper_ask_open(fd, &request, NULL, 0);

	require(conversation >= 0);
	require_equal(0, keeper_ask_next(conversation, reply));
	close(conversation);
	require(reply->count);
	return reply->fds[--reply->count];
}
