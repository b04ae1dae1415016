// SPDX-License-Identifier: GPL-2.0-or-later
/* How many upcalls there may be at a time, who waits, and who has gone while he did. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "queue-fixture.h"

static void test_quota(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t key[3], one[2];

	for (int i = 0; i < 3; i++)
		key[i] = offer(fixture, UPCALL_CLASS_KEY, "user");
	one[0] = offer(fixture, UPCALL_CLASS_KEY, "one");
	one[1] = offer(fixture, UPCALL_CLASS_KEY, "one");
	/* two and one; a section does not take from another */
	for (int i = 0; i < 3; i++)
		assert_true(receive(fixture, &request));
	assert_false(receive(fixture, &request));
	assert_true(is_end(key[2], FAKE_OFFERED, 0));
	assert_true(is_end(one[1], FAKE_OFFERED, 0));
	answer(fixture, one[0], WORKER_SERVED);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, one[1]);
	assert_false(receive(fixture, &request));
	answer(fixture, key[1], WORKER_HANDLER_FAILED);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, key[2]);
}

/* A handler that waits for an upcall of its own holds no place that this needs; its peers do. */
static void test_nested(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct tags nested;
	uint64_t outer, inner;

	outer = offer(fixture, UPCALL_CLASS_KEY, "one");
	assert_true(receive(fixture, &request));
	nested = make_tags(fixture, UPCALL_CLASS_KEY, "one");
	nested.depth = 1;
	inner = offer_tags(fixture, &nested);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, inner);
	nested = make_tags(fixture, UPCALL_CLASS_KEY, "one");
	nested.depth = 1;
	offer_tags(fixture, &nested);
	/* the outer one's end makes no room for the second inner one, the first one's does */
	answer(fixture, outer, WORKER_SERVED);
	assert_false(receive(fixture, &request));
	answer(fixture, inner, WORKER_SERVED);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, nested.id);
}

/* While it waited, it would hold one of the machine's slots for dumps. */
static void test_core_does_not_wait(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first = offer(fixture, UPCALL_CLASS_CORE, "");
	uint64_t second = offer(fixture, UPCALL_CLASS_CORE, "");

	assert_true(is_end(second, FAKE_DENIED, EDQUOT));
	assert_int_equal(fixture->queue.refused, 1);
	answer(fixture, first, WORKER_SERVED);
	assert_true(is_end(offer(fixture, UPCALL_CLASS_CORE, ""), FAKE_CLAIMED, 0));
}

static void test_too_many(void **state)
{
	struct fixture *fixture = *state;
	uint64_t last = 0;

	for (int i = 0; i < 1 + LANE_WAITING_MAX; i++)
		last = offer(fixture, UPCALL_CLASS_KEY, "one");
	assert_true(is_end(last, FAKE_OFFERED, 0));
	last = offer(fixture, UPCALL_CLASS_KEY, "one");
	assert_true(is_end(last, FAKE_DENIED, EDQUOT));
	assert_int_equal(queue_pending(&fixture->queue), 1 + LANE_WAITING_MAX);
}

/* What the kernel has taken back uses nobody's quota: its worker may never say that it has ended. */
static void test_superseded_is_no_quota(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct tags tags[2];

	for (int i = 0; i < 2; i++) {
		tags[i] = make_tags(fixture, UPCALL_CLASS_KEY, "user");
		offer_tags(fixture, &tags[i]);
		assert_true(receive(fixture, &request));
	}
	for (int i = 0; i < 2; i++) {
		tags[i].generation = 1;
		offer_tags(fixture, &tags[i]);
		assert_true(receive(fixture, &request));
		assert_int_equal(request.id, tags[i].id);
	}
	assert_false(receive(fixture, &request));
	offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_false(receive(fixture, &request));
}

/* ---------------------------------------------------------------------- gone */

static void fill_waiting(struct fixture *fixture)
{
	for (int i = 0; i < 2 + LANE_WAITING_MAX; i++)
		(void)offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(queue_pending(&fixture->queue), 2 + LANE_WAITING_MAX);
}

/* Those after the first two, which are the worker's. */
static void end_waiting(void)
{
	for (uint64_t id = 3; id <= 2 + LANE_WAITING_MAX; id++)
		fake_upcall_find(id)->end = FAKE_COMPLETED;
}

/* Who has ended in the kernel waits no more, and keeps nobody from waiting. */
static void test_ended_keep_no_place(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t last;

	fill_waiting(fixture);
	/* one of them has not ended, and keeps its turn */
	end_waiting();
	fake_upcall_find(7)->end = FAKE_OFFERED;
	last = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(is_end(last, FAKE_OFFERED, 0));
	assert_int_equal(queue_pending(&fixture->queue), 4);
	assert_int_equal(fixture->queue.refused, 0);
	assert_true(receive(fixture, &request) && receive(fixture, &request));
	answer(fixture, 1, WORKER_SERVED);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, 7);
}

/* Nor are they pending: without any event, and not more often than need be. */
static void test_ended_are_forgotten(void **state)
{
	struct fixture *fixture = *state;
	double begun = clock_now();

	fill_waiting(fixture);
	turn(fixture);
	assert_int_equal(queue_pending(&fixture->queue), 2 + LANE_WAITING_MAX);
	end_waiting();
	while (queue_pending(&fixture->queue) > 2 && clock_since(begun) < 20.) {
		ev_run(fixture->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(queue_pending(&fixture->queue), 2);
	assert_false(ev_is_active(&fixture->queue.sweep_timer));
	assert_int_equal(fixture->queue.refused + fixture->queue.failed, 0);
}

/* The kernel has answered what waited too long. */
static void test_gone_while_waiting(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first = offer(fixture, UPCALL_CLASS_KEY, "one");
	uint64_t second = offer(fixture, UPCALL_CLASS_KEY, "one");

	fake_upcall_find(second)->end = FAKE_COMPLETED;
	answer(fixture, first, WORKER_SERVED);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.refused, 0);
}

/* Whoever is next in turn has gone: his place is for the one behind him. */
static void test_gone_makes_room(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t key[4];

	for (int i = 0; i < 4; i++)
		key[i] = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(receive(fixture, &request) && receive(fixture, &request));
	fake_upcall_find(key[2])->end = FAKE_DENIED;
	answer(fixture, key[0], WORKER_SERVED);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, key[3]);
}

/* The same, while those that were let in waited for their worker. */
static void test_gone_while_starting(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t key[3];

	fixture->launcher.start_error = -EINPROGRESS;
	for (int i = 0; i < 3; i++)
		key[i] = offer(fixture, UPCALL_CLASS_KEY, "user");
	fake_upcall_find(key[0])->end = FAKE_DENIED;
	fixture->launcher.launching->done(fixture->launcher.launching,
					  fake_launcher_connect(&fixture->launcher));
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, key[1]);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, key[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_quota),
		fixed(test_nested),
		fixed(test_core_does_not_wait),
		fixed(test_too_many),
		fixed(test_ended_keep_no_place),
		fixed(test_ended_are_forgotten),
		fixed(test_gone_while_waiting),
		fixed(test_gone_makes_room),
		fixed(test_gone_while_starting),
		fixed(test_superseded_is_no_quota),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
