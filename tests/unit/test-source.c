// SPDX-License-Identifier: GPL-2.0-or-later
/* The shim as a source: the backstop works also where events never stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "fake-shim.h"
#include "list.h"
#include "source.h"

struct fixture {
	struct source_client client;
	struct ev_loop *loop;
	ev_prepare storm;
	int device[2]; /* a pipe that is readable */
	int events[2];
	unsigned int offers;
};

static void offered(struct source_client *client, const struct tags *tags)
{
	container_of(client, struct fixture, client)->offers++;
}

static bool knows(struct source_client *client, uint64_t id, uint32_t generation)
{
	return container_of(client, struct fixture, client)->offers > 0;
}

/* Before each wait: there is always one more. */
static void one_more(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct fixture *fixture = container_of(prepare, struct fixture, storm);

	(void)!write(fixture->events[1], "x", 1);
}

static void test_storm(void **state)
{
	struct fixture fixture = { .client = { .offered = offered, .knows = knows } };
	const struct tags tags = { .id = 1, .class = UPCALL_CLASS_CORE };
	struct source *source;
	double begun;

	fake_shim_reset();
	fixture.loop = ev_loop_new(EVFLAG_AUTO);
	assert_int_equal(pipe(fixture.device), 0);
	assert_int_equal(write(fixture.device[1], "x", 1), 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    fixture.events),
			 0);
	source = source_shim_new(fixture.loop, fixture.device[0], fixture.events[0]);
	assert_int_equal(source->vtable->start(source, &fixture.client), 0);
	assert_int_equal(fixture.offers, 0);
	/* its event was lost */
	fake_upcall_add(&tags);
	ev_prepare_init(&fixture.storm, one_more);
	ev_prepare_start(fixture.loop, &fixture.storm);
	begun = clock_now();
	while (!fixture.offers && clock_since(begun) < 3.)
		ev_run(fixture.loop, EVRUN_ONCE);
	assert_int_equal(fixture.offers, 1);
	assert_true(clock_since(begun) < 2.);
	source_free(source);
	ev_prepare_stop(fixture.loop, &fixture.storm);
	for (int i = 0; i < 2; i++) {
		close(fixture.device[i]);
		close(fixture.events[i]);
	}
	ev_loop_destroy(fixture.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_storm) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
