// SPDX-License-Identifier: GPL-2.0-or-later
/* Workers as units of a PID 1 that executes itself again: what it was asked for is asked again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "launcher.h"

#define MANAGER_PATH	 "/org/freedesktop/systemd1"
#define MANAGER_IFACE	 "org.freedesktop.systemd1.Manager"
#define JOB		 "/org/freedesktop/systemd1/job/7"
#define PATIENCE_SECONDS 20.

/* How far the manager comes with a call before it is gone. */
enum manners {
	ANSWERS, /* all the way */
	HEARS,
	REPLIES /* and then the job's end is never told */
};

struct fixture {
	struct ev_loop *loop;
	struct launcher *launcher;
	struct launch_client client;
	int result; /* of the launch; 1: none yet */
	int listener;
	sd_bus *manager;
	enum manners manners;
	unsigned int connections, starts, stops;
	char directory[40];
	char path[64];
};

static struct fixture *the_fixture;

/* The worker's socket of every name is there, and nobody listens. */
int __wrap_lstat(const char *path, struct stat *status);
int __wrap_lstat(const char *path, struct stat *status)
{
	(void)path;
	memset(status, 0, sizeof(*status));
	status->st_mode = S_IFSOCK;
	return 0;
}

static void launched(struct launch_client *client, int fd)
{
	(void)client;
	the_fixture->result = fd;
}

static void manager_listen(struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, fixture->path);
	fixture->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fixture->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fixture->listener, 8), 0);
}

static void manager_leave(struct fixture *fixture)
{
	if (fixture->manager)
		sd_bus_close(fixture->manager);
	fixture->manager = sd_bus_unref(fixture->manager);
}

static void manager_vanish(struct fixture *fixture)
{
	manager_leave(fixture);
	close(fixture->listener);
	unlink(fixture->path);
	fixture->listener = -1;
}

static int manager_called(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct fixture *fixture = userdata;
	const bool starts = sd_bus_message_is_method_call(call, MANAGER_IFACE, "StartUnit") > 0;

	(void)error;
	if (!starts && sd_bus_message_is_method_call(call, MANAGER_IFACE, "StopUnit") <= 0)
		return 0;
	fixture->starts += starts;
	fixture->stops += !starts;
	if (fixture->manners == HEARS)
		return 1;
	sd_bus_reply_method_return(call, "o", JOB);
	if (fixture->manners == ANSWERS && starts)
		sd_bus_emit_signal(fixture->manager, MANAGER_PATH, MANAGER_IFACE, "JobRemoved",
				   "uoss", 7, JOB, "a.socket", "done");
	return 1;
}

static void manager_accept(struct fixture *fixture)
{
	const sd_id128_t id =
		SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, 12, 13, 14, 15, 16);
	struct sockaddr_un address;
	socklen_t size = sizeof(address);
	int fd = accept4(fixture->listener, (struct sockaddr *)&address, &size,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	fixture->connections++;
	manager_leave(fixture);
	assert_int_equal(sd_bus_new(&fixture->manager), 0);
	assert_true(sd_bus_set_fd(fixture->manager, fd, fd) >= 0);
	assert_true(sd_bus_set_server(fixture->manager, 1, id) >= 0);
	assert_true(sd_bus_set_anonymous(fixture->manager, 1) >= 0);
	assert_true(sd_bus_set_trusted(fixture->manager, 1) >= 0);
	assert_true(sd_bus_start(fixture->manager) >= 0);
	assert_true(sd_bus_add_filter(fixture->manager, NULL, manager_called, fixture) >= 0);
}

static void turn(struct fixture *fixture)
{
	ev_run(fixture->loop, EVRUN_NOWAIT);
	if (fixture->listener >= 0)
		manager_accept(fixture);
	while (fixture->manager && sd_bus_process(fixture->manager, NULL) > 0)
		;
	usleep(1000);
}

/* turn_until(): true, or nothing came of it in time */
#define turn_until(fixture, condition)                          \
	({                                                      \
		double until_ = clock_now() + PATIENCE_SECONDS; \
		while (!(condition) && clock_now() < until_)    \
			turn(fixture);                          \
		(condition);                                    \
	})

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char address[128];

	the_fixture = fixture;
	fixture->loop = ev_loop_new(EVFLAG_AUTO);
	fixture->client.done = launched;
	fixture->result = 1;
	strcpy(fixture->directory, "/tmp/upcall-launcher-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->path, sizeof(fixture->path), "%s/private", fixture->directory);
	snprintf(address, sizeof(address), "unix:path=%s", fixture->path);
	manager_listen(fixture);
	fixture->launcher = launcher_systemd_new(fixture->loop, address);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	launcher_free(fixture->launcher);
	manager_vanish(fixture);
	rmdir(fixture->directory);
	ev_loop_destroy(fixture->loop);
	free(fixture);
	return 0;
}

static struct launch *start(struct fixture *fixture)
{
	struct launch *launch;

	assert_int_equal(fixture->launcher->vtable->start(fixture->launcher, "no-such-worker",
							  &fixture->client, &launch),
			 -EINPROGRESS);
	return launch;
}

static bool busy(const struct fixture *fixture)
{
	return fixture->launcher->vtable->busy(fixture->launcher);
}

/* Its socket is not there, as nobody makes it: that is how far a launch comes here. */
static void test_start(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	assert_true(turn_until(fixture, fixture->result != 1));
	assert_int_equal(fixture->result, -ENOENT);
	assert_int_equal(fixture->starts, 1);
	assert_false(busy(fixture));
}

static void lose_after(struct fixture *fixture, enum manners manners)
{
	fixture->manners = manners;
	start(fixture);
	assert_true(turn_until(fixture, fixture->starts == 1));
	/* what it has said is on its way */
	for (int i = 0; i < 20; i++)
		turn(fixture);
	manager_vanish(fixture);
	for (int i = 0; i < 300; i++)
		turn(fixture);
	assert_int_equal(fixture->result, 1);
	fixture->manners = ANSWERS;
	manager_listen(fixture);
	assert_true(turn_until(fixture, fixture->result != 1));
	assert_int_equal(fixture->result, -ENOENT);
	assert_int_equal(fixture->starts, 2);
}

static void test_start_unheard(void **state)
{
	lose_after(*state, HEARS);
}

static void test_start_job_lost(void **state)
{
	lose_after(*state, REPLIES);
}

static void test_start_nobody_there(void **state)
{
	struct fixture *fixture = *state;

	manager_vanish(fixture);
	start(fixture);
	for (int i = 0; i < 300; i++)
		turn(fixture);
	manager_listen(fixture);
	assert_true(turn_until(fixture, fixture->result != 1));
	assert_int_equal(fixture->result, -ENOENT);
}

static void test_start_cancelled_meanwhile(void **state)
{
	struct fixture *fixture = *state;

	manager_vanish(fixture);
	fixture->launcher->vtable->cancel(start(fixture));
	assert_false(busy(fixture));
	manager_listen(fixture);
	for (int i = 0; i < 300; i++)
		turn(fixture);
	assert_int_equal(fixture->starts, 0);
	assert_int_equal(fixture->result, 1);
}

/* It may listen by now, and nobody would ever stop it. */
static void test_start_cancelled_after_it_was_asked(void **state)
{
	struct fixture *fixture = *state;
	struct launch *launch;

	fixture->manners = HEARS;
	launch = start(fixture);
	assert_true(turn_until(fixture, fixture->starts == 1));
	fixture->manners = ANSWERS;
	fixture->launcher->vtable->cancel(launch);
	assert_true(turn_until(fixture, fixture->stops == 1));
	/* by the same connection, or it could come first */
	assert_int_equal(fixture->connections, 1);
	assert_true(turn_until(fixture, !busy(fixture)));
	assert_int_equal(fixture->result, 1);
}

static void test_stop_lost(void **state)
{
	struct fixture *fixture = *state;

	fixture->manners = HEARS;
	fixture->launcher->vtable->stop(fixture->launcher, "web");
	assert_true(turn_until(fixture, fixture->stops == 2));
	manager_vanish(fixture);
	for (int i = 0; i < 300; i++)
		turn(fixture);
	assert_true(busy(fixture));
	fixture->manners = ANSWERS;
	manager_listen(fixture);
	assert_true(turn_until(fixture, fixture->stops == 4));
	assert_true(turn_until(fixture, !busy(fixture)));
}

static void test_stop_is_no_more_when_the_name_is_back(void **state)
{
	struct fixture *fixture = *state;

	manager_vanish(fixture);
	fixture->launcher->vtable->stop(fixture->launcher, "no-such-worker");
	start(fixture);
	manager_listen(fixture);
	assert_true(turn_until(fixture, fixture->result != 1));
	assert_false(busy(fixture));
	assert_int_equal(fixture->stops, 0);
}

/* One that PID 1 had been asked for came before the start, and must not come after it. */
static void test_stop_is_not_repeated_when_the_name_is_back(void **state)
{
	struct fixture *fixture = *state;

	fixture->manners = HEARS;
	fixture->launcher->vtable->stop(fixture->launcher, "no-such-worker");
	assert_true(turn_until(fixture, fixture->stops == 2));
	start(fixture);
	manager_vanish(fixture);
	fixture->manners = ANSWERS;
	manager_listen(fixture);
	assert_true(turn_until(fixture, fixture->result != 1));
	assert_true(turn_until(fixture, !busy(fixture)));
	assert_int_equal(fixture->stops, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_unheard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_job_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_cancelled_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_cancelled_after_it_was_asked, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_stop_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_is_not_repeated_when_the_name_is_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_is_no_more_when_the_name_is_back, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
