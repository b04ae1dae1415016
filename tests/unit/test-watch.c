// SPDX-License-Identifier: GPL-2.0-or-later
/* What cannot be watched is not ready, and is watched once it can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "events.h"
#include "fake-shim.h"
#include "list.h"
#include "no-watches.h"
#include "source.h"
#include "worker-link.h"

#define PATIENCE_SECONDS 20.

struct fixture {
	struct ev_loop *loop;
	struct watch watch;
	struct worker_link link;
	struct worker_link_client client;
	struct source_client source_client;
	struct events_reader reader;
	struct events events;
	int pair[2];
	unsigned int ready, closed, results, offers;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->loop = ev_loop_new(EVFLAG_AUTO);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    fixture->pair),
			 0);
	no_watches = false;
	no_watches_count = 0;
	fake_shim_reset();
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 2; i++)
		if (fixture->pair[i] >= 0)
			close(fixture->pair[i]);
	ev_loop_destroy(fixture->loop);
	free(fixture);
	return 0;
}

static void turn(struct fixture *fixture)
{
	for (int i = 0; i < 4; i++)
		ev_run(fixture->loop, EVRUN_NOWAIT);
}

/* Let the loop run until the number has become that large. */
static void wait_until(struct fixture *fixture, const unsigned int *number, unsigned int least)
{
	double begun = clock_now();

	while (*number < least && clock_since(begun) < PATIENCE_SECONDS) {
		ev_run(fixture->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_true(*number >= least);
}

/* ------------------------------------------------------------------- watch */

static void ready(struct watch *watch)
{
	struct fixture *fixture = container_of(watch, struct fixture, watch);
	char byte;

	fixture->ready++;
	(void)!read(fixture->pair[0], &byte, 1);
}

static void start_unwatched(struct fixture *fixture)
{
	no_watches = true;
	watch_init(&fixture->watch, fixture->loop, "a test", ready, 0);
	watch_start(&fixture->watch, fixture->pair[0], EV_READ);
	turn(fixture);
	assert_int_equal(no_watches_count, 1);
	assert_int_equal(fixture->ready, 0);
}

static void test_again(void **state)
{
	struct fixture *fixture = *state;
	double begun = clock_now();

	start_unwatched(fixture);
	assert_int_equal(write(fixture->pair[1], "x", 1), 1);
	/* once a second, and no event yet */
	wait_until(fixture, &no_watches_count, 3);
	assert_true(clock_since(begun) > 1.5);
	assert_int_equal(fixture->ready, 0);
	no_watches = false;
	wait_until(fixture, &fixture->ready, 1);
	turn(fixture);
	assert_int_equal(fixture->ready, 1);
	assert_int_equal(no_watches_count, 3);
	watch_stop(&fixture->watch);
}

/* Whoever says again what is to be watched does not make it be tried more often. */
static void test_start_again(void **state)
{
	struct fixture *fixture = *state;

	start_unwatched(fixture);
	for (int i = 0; i < 10; i++) {
		watch_start(&fixture->watch, fixture->pair[0], EV_READ);
		ev_run(fixture->loop, EVRUN_NOWAIT);
	}
	assert_int_equal(no_watches_count, 1);
	watch_stop(&fixture->watch);
	no_watches = false;
	assert_int_equal(write(fixture->pair[1], "x", 1), 1);
	watch_start(&fixture->watch, fixture->pair[0], EV_READ);
	turn(fixture);
	assert_int_equal(fixture->ready, 1);
	watch_stop(&fixture->watch);
}

/* ------------------------------------------------------------- worker link */

static void result(struct worker_link_client *client, const struct worker_result *result)
{
	container_of(client, struct fixture, client)->results++;
}

static void closed(struct worker_link_client *client)
{
	struct fixture *fixture = container_of(client, struct fixture, client);

	assert_false(worker_link_is_open(&fixture->link));
	fixture->closed++;
}

/* As if the worker had died; it sees that, too. */
static void test_worker_link(void **state)
{
	struct fixture *fixture = *state;
	char byte;

	fixture->client = (struct worker_link_client){ .result = result, .closed = closed };
	worker_link_init(&fixture->link, fixture->loop, &fixture->client);
	no_watches = true;
	worker_link_open(&fixture->link, fixture->pair[0]);
	fixture->pair[0] = -1;
	turn(fixture);
	assert_int_equal(fixture->closed, 1);
	assert_int_equal(read(fixture->pair[1], &byte, 1), 0);
}

/* ------------------------------------------------------- events, the device */

static void event(struct events_reader *reader, const struct tags *tags)
{
}

static void lost(struct events_reader *reader)
{
}

static void done(struct events_reader *reader)
{
	container_of(reader, struct fixture, reader)->ready++;
}

static void test_events(void **state)
{
	struct fixture *fixture = *state;

	fixture->reader = (struct events_reader){ event, lost, done };
	no_watches = true;
	assert_int_equal(events_start(&fixture->events, fixture->loop, &fixture->reader,
				      fixture->pair[0]),
			 0);
	turn(fixture);
	assert_int_equal(fixture->ready, 0);
	no_watches = false;
	assert_int_equal(write(fixture->pair[1], "x", 1), 1);
	wait_until(fixture, &fixture->ready, 1);
	events_stop(&fixture->events);
}

static void offered(struct source_client *client, const struct tags *tags)
{
	container_of(client, struct fixture, source_client)->offers++;
}

static bool knows(struct source_client *client, uint64_t id, uint32_t generation)
{
	return container_of(client, struct fixture, source_client)->offers >= id;
}

struct source_test {
	struct fixture *fixture;
	struct source *source;
	int device[2]; /* a pipe that is readable */
	ev_prepare storm;
};

static void source_begin(struct source_test *test, struct fixture *fixture)
{
	*test = (struct source_test){ .fixture = fixture };
	assert_int_equal(pipe(test->device), 0);
	assert_int_equal(write(test->device[1], "x", 1), 1);
	fixture->source_client = (struct source_client){ .offered = offered, .knows = knows };
	test->source = source_shim_new(fixture->loop, test->device[0], fixture->pair[0]);
	assert_int_equal(test->source->vtable->start(test->source, &fixture->source_client), 0);
}

static void source_end(struct source_test *test)
{
	source_free(test->source);
	close(test->device[0]);
	close(test->device[1]);
}

/* Of no event, found in the list. */
static void source_finds(struct fixture *fixture, uint64_t id)
{
	const struct tags tags = { .id = id, .class = UPCALL_CLASS_CORE };

	fake_upcall_add(&tags);
	wait_until(fixture, &fixture->offers, (unsigned int)id);
	fake_upcall_find(id)->end = FAKE_COMPLETED;
}

/* Neither the events nor the device can be watched: the list says it all, again and again. */
static void test_source(void **state)
{
	struct fixture *fixture = *state;
	struct source_test test;

	no_watches = true;
	source_begin(&test, fixture);
	turn(fixture);
	for (uint64_t id = 1; id <= 3; id++)
		source_finds(fixture, id);
	no_watches = false;
	source_finds(fixture, 4);
	source_end(&test);
}

static void one_more(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	(void)!write(container_of(prepare, struct source_test, storm)->fixture->pair[1], "x", 1);
}

/* An event that is read while the device fails does not make it be forgotten. */
static void test_source_with_events(void **state)
{
	struct fixture *fixture = *state;
	struct source_test test;

	source_begin(&test, fixture);
	turn(fixture);
	no_watches = true;
	ev_prepare_init(&test.storm, one_more);
	ev_prepare_start(fixture->loop, &test.storm);
	wait_until(fixture, &no_watches_count, 1);
	ev_prepare_stop(fixture->loop, &test.storm);
	source_finds(fixture, 1);
	source_end(&test);
}

int main(void)
{
#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		fixed(test_again),  fixed(test_start_again), fixed(test_worker_link),
		fixed(test_events), fixed(test_source),	     fixed(test_source_with_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
