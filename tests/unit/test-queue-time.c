// SPDX-License-Identifier: GPL-2.0-or-later
/* Somebody sets the time of day, which is what ev_now() tells. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue-fixture.h"

static time_t time_jump;

int __attribute__((visibility("default"))) gettimeofday(struct timeval *ret, void *zone)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	ret->tv_sec = now.tv_sec + time_jump;
	ret->tv_usec = now.tv_nsec / 1000;
	return 0;
}

static void jump(struct ev_loop *loop, time_t seconds)
{
	time_jump += seconds;
	/* libev looks each half second */
	usleep(600000);
	ev_now_update(loop);
}

static void test_time_set_back(void **state)
{
	struct fixture *fixture = *state;
	double wall = ev_now(fixture->loop);
	int saved, ends[2];
	char out[2048];
	uint64_t id;

	/* a worker that could not be started is not left alone for an hour */
	fixture->launcher.start_error = -EIO;
	offer(fixture, UPCALL_CLASS_KEY, "user");
	jump(fixture->loop, -3600);
	assert_true(ev_now(fixture->loop) < wall - 3000.); /* else the test proves nothing */
	usleep((useconds_t)(LANE_RETRY_SECONDS * 1.1e6));
	fixture->launcher.start_error = 0;
	id = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(fixture->launcher.starts, 2);
	/* and nothing takes less than no time */
	jump(fixture->loop, -3600);
	assert_int_equal(pipe(ends), 0);
	saved = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	answer(fixture, id, WORKER_SERVED);
	dup2(saved, STDERR_FILENO);
	out[read(ends[0], out, sizeof(out) - 1)] = '\0';
	close(ends[0]);
	close(ends[1]);
	close(saved);
	assert_non_null(strstr(out, "UPCALL_DURATION_USEC="));
	assert_true(strtoull(strstr(out, "UPCALL_DURATION_USEC=") + 21, NULL, 10) < 60000000);
}

static void test_time_set_forth(void **state)
{
	struct fixture *fixture = *state;
	double wall = ev_now(fixture->loop);

	offer(fixture, UPCALL_CLASS_CORE, "");
	close(fixture->launcher.worker);
	fixture->launcher.worker = -1;
	turn(fixture);
	/* the kernel has not had its five seconds */
	jump(fixture->loop, 3600);
	assert_true(ev_now(fixture->loop) > wall + 3000.);
	ev_invoke(fixture->loop, &fixture->queue.lost_timer, EV_TIMER);
	assert_int_equal(queue_pending(&fixture->queue), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_time_set_back),
		fixed(test_time_set_forth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
