// SPDX-License-Identifier: GPL-2.0-or-later
/* Workers as children of ours, played by a script: the loop waits for none of them. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "launcher.h"
#include "no-watches.h"
#include "worker.h"

#define PATIENCE_SECONDS 20.

struct fixture {
	struct ev_loop *loop;
	struct launcher *launcher;
	char path[40];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	no_watches = false;
	no_watches_count = 0;
	fixture->loop = ev_loop_new(EVFLAG_AUTO);
	strcpy(fixture->path, "/tmp/upcall-launcher-XXXXXX");
	close(mkstemp(fixture->path));
	fixture->launcher = launcher_fork_new(fixture->loop, fixture->path);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	launcher_free(fixture->launcher);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	unlink(fixture->path);
	ev_loop_destroy(fixture->loop);
	free(fixture);
	return 0;
}

static void turn(struct fixture *fixture)
{
	for (int i = 0; i < 4; i++)
		ev_run(fixture->loop, EVRUN_NOWAIT);
}

/* Our end of the socket of a worker that has said that it runs. */
static int start(struct fixture *fixture, const char *script)
{
	FILE *file = fopen(fixture->path, "we");
	struct launch *launch;
	char byte;
	int fd;

	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	assert_int_equal(chmod(fixture->path, 0755), 0);
	fd = fixture->launcher->vtable->start(fixture->launcher, "web", NULL, &launch);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &byte, 1), 1);
	return fd;
}

static bool has_ended(int fd)
{
	struct pollfd end = { .fd = fd, .events = POLLIN };

	return poll(&end, 1, 0) == 1;
}

/* Let the loop run until the worker has ended, and has been reaped. */
static void wait_for_end(struct fixture *fixture, int fd)
{
	siginfo_t info;
	double begun = clock_now();

	while (clock_since(begun) < PATIENCE_SECONDS &&
	       waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		ev_run(fixture->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_true(has_ended(fd));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(fd);
}

static void test_stop(void **state)
{
	struct fixture *fixture = *state;
	int fd = start(fixture, "echo >&3; exec sleep 1000");

	turn(fixture);
	assert_false(has_ended(fd));
	fixture->launcher->vtable->stop(fixture->launcher, "db");
	turn(fixture);
	fixture->launcher->vtable->stop(fixture->launcher, "web");
	wait_for_end(fixture, fd);
}

/* One that hangs, or is stopped, is stopped all the same. */
static void test_stop_stubborn(void **state)
{
	struct fixture *fixture = *state;
	int fd = start(fixture, "trap '' TERM; echo >&3; exec sleep 1000");
	double begun = clock_now();

	fixture->launcher->vtable->stop(fixture->launcher, "web");
	turn(fixture);
	assert_false(has_ended(fd));
	/* to ask again is no new respite */
	fixture->launcher->vtable->stop(fixture->launcher, "web");
	wait_for_end(fixture, fd);
	/* one that only takes long is not killed */
	assert_true(clock_since(begun) >= WORKER_END_MS / 1000. + 0.5);
}

/* One that cannot be watched is not waited for, and reaped all the same. */
static void test_unwatched(void **state)
{
	struct fixture *fixture = *state;
	int fd;

	no_watches = true;
	fd = start(fixture, "echo >&3; exec sleep 1000");
	turn(fixture);
	assert_int_equal(no_watches_count, 1);
	assert_false(has_ended(fd));
	fixture->launcher->vtable->stop(fixture->launcher, "web");
	no_watches = false;
	wait_for_end(fixture, fd);
}

/* What it has said after that it runs. */
static pid_t pid_of(int fd)
{
	char text[16] = "";

	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	return (pid_t)strtol(text, NULL, 10);
}

/* What runs at our end is not ended: it may be an upgrade. Who has nothing to do is waited for. */
static void test_our_end(void **state)
{
	struct fixture *fixture = *state;
	int idle = start(fixture, "echo >&3; echo $$ >&3; read line <&3; exit");
	int busy = start(fixture, "echo >&3; echo $$ >&3; exec sleep 1000");
	pid_t idle_pid = pid_of(idle), busy_pid = pid_of(busy);

	assert_int_equal(shutdown(idle, SHUT_RDWR), 0);
	assert_int_equal(shutdown(busy, SHUT_RDWR), 0);
	fixture->launcher = launcher_free(fixture->launcher);
	assert_int_equal(kill(idle_pid, 0), -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	assert_int_equal(kill(busy_pid, SIGKILL), 0);
	assert_int_equal(waitpid(-1, NULL, 0), busy_pid);
	close(idle);
	close(busy);
}

/* One that is told to end, and takes long for that, has its time; one that hangs is killed. */
static void test_our_end_told(void **state)
{
	struct fixture *fixture = *state;
	int slow = start(fixture, "trap 'sleep 2; echo >&3; exit' TERM; echo >&3;"
				  "while :; do sleep 0.1; done");
	int hung = start(fixture, "trap '' TERM; echo >&3; exec sleep 1000");
	char byte;

	fixture->launcher->vtable->stop(fixture->launcher, "web");
	fixture->launcher = launcher_free(fixture->launcher);
	assert_int_equal(read(slow, &byte, 1), 1);
	/* not reaped: it is killed at the very end */
	assert_true(waitpid(-1, NULL, 0) > 0);
	close(slow);
	close(hung);
}

int main(void)
{
#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		fixed(test_stop),    fixed(test_stop_stubborn), fixed(test_unwatched),
		fixed(test_our_end), fixed(test_our_end_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
