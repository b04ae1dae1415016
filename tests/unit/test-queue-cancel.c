// SPDX-License-Identifier: GPL-2.0-or-later
/* Upcalls that the host's administrator cancels. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue-fixture.h"

static int cancel(struct fixture *fixture, uint64_t id)
{
	const struct upcall_list_entry entry = { .id = id, .container = UPCALL_CONTAINER_FIRST };

	return queue_cancel(&fixture->queue, &entry);
}

/* In each phase; whatever its worker says of it then, it was refused. */
static void test_cancel(void **state)
{
	struct fixture *fixture = *state;
	uint64_t handed = offer(fixture, UPCALL_CLASS_KEY, "one");
	uint64_t waiting = offer(fixture, UPCALL_CLASS_KEY, "one"), last;

	assert_int_equal(cancel(fixture, waiting), 0);
	assert_int_equal(fake_upcall_find(waiting)->error, EKEYREJECTED);
	assert_int_equal(queue_pending(&fixture->queue), 1);
	assert_int_equal(fixture->queue.refused, 1);
	assert_int_equal(cancel(fixture, waiting), -ENOENT);
	assert_int_equal(cancel(fixture, handed), 0);
	assert_int_equal(fake_upcall_find(handed)->end, FAKE_CANCELLED);
	/* its place is free when its worker is done with it, not before */
	last = offer(fixture, UPCALL_CLASS_KEY, "one");
	assert_int_equal(fake_upcall_find(last)->end, FAKE_OFFERED);
	answer(fixture, handed, WORKER_HANDLER_KILLED);
	assert_int_equal(fake_upcall_find(last)->end, FAKE_CLAIMED);
	assert_int_equal(fixture->queue.refused, 2);
	assert_int_equal(fixture->queue.failed, 0);
}

static void test_cancel_and_worker_dies(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	assert_int_equal(cancel(fixture, id), 0);
	close(fixture->launcher.worker);
	fixture->launcher.worker = -1;
	turn(fixture);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.refused, 1);
}

/* It attaches at this moment: nothing has changed, and it can be cancelled later. */
static void test_cancel_busy(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	fake_shim.fail_cancel = -EBUSY;
	assert_int_equal(cancel(fixture, id), -EBUSY);
	answer(fixture, id, WORKER_SERVED);
	assert_int_equal(fixture->queue.served, 1);
}

/* Of a daemon before us. */
static void test_cancel_foreign(void **state)
{
	struct fixture *fixture = *state;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_CORE, "");

	fake_upcall_add(&tags);
	assert_int_equal(cancel(fixture, tags.id), 0);
	assert_int_equal(fixture->queue.refused, 1);
	assert_int_equal(cancel(fixture, tags.id), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_cancel),
		fixed(test_cancel_and_worker_dies),
		fixed(test_cancel_busy),
		fixed(test_cancel_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
