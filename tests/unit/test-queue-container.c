// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers that move, go and come again while they have upcalls. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue-fixture.h"

/* -------------------------------------------------------------------- leader */

static void test_leader_moved(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id;

	fake_shim.process.ns[UPCALL_NS_MNT]++;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, EKEYREJECTED));
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	turn(fixture);
	assert_null(registry_by_name(&fixture->registry, "web"));
	assert_int_equal(fixture->launcher.stops, 1);
}

/* Its main thread has ended, or another is just executing: refused now, and no more. */
static void test_leader_between(void **state)
{
	struct fixture *fixture = *state;
	const struct tags usual = fake_shim.process;
	uint64_t id;

	for (int i = 0; i < UPCALL_NS_COUNT; i++)
		if (i != UPCALL_NS_PID && i != UPCALL_NS_USER)
			fake_shim.process.ns[i] = 0;
	fake_shim.process.net_cookie = 0;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	turn(fixture);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	fake_shim.process = usual;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_CLAIMED, 0));
	/* another user namespace is a move all the same */
	fake_shim.process.ns[UPCALL_NS_MNT] = 0;
	fake_shim.process.ns[UPCALL_NS_USER]++;
	offer(fixture, UPCALL_CLASS_KEY, "user");
	turn(fixture);
	assert_null(registry_by_name(&fixture->registry, "web"));
}

static void test_leader_unknown(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id;

	fake_shim.fail_tags = -ENOMEM;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	turn(fixture);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
}

/* -------------------------------------------------------------- registration */

static void test_unregister(void **state)
{
	struct fixture *fixture = *state;
	struct failure failure;
	uint64_t handed = offer(fixture, UPCALL_CLASS_KEY, "one");
	uint64_t waiting = offer(fixture, UPCALL_CLASS_KEY, "one");

	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_true(is_end(waiting, FAKE_DENIED, EKEYREJECTED));
	assert_true(is_end(handed, FAKE_CLAIMED, 0));
	assert_int_equal(fixture->launcher.stops, 1);
	assert_int_equal(queue_pending(&fixture->queue), 1);
	/* its worker still answers: there is a record, and the lane goes */
	answer(fixture, handed, WORKER_SERVED);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_true(list_empty(&fixture->queue.lanes));
}

static void test_unregister_while_starting(void **state)
{
	struct fixture *fixture = *state;
	struct failure failure;
	uint64_t id;

	fixture->launcher.start_error = -EINPROGRESS;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_true(is_end(id, FAKE_DENIED, EKEYREJECTED));
	assert_int_equal(fixture->launcher.cancels, 1);
	assert_true(list_empty(&fixture->queue.lanes));
}

/* The old one's handler still ran; its end is not the end of the new one's worker. */
static void test_same_name_again(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct failure failure;
	int old_worker;

	offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(receive(fixture, &request));
	old_worker = fixture->launcher.worker;
	fixture->launcher.worker = -1;
	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_int_equal(fixture->launcher.stops, 1);
	add_container(fixture);
	offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(receive(fixture, &request));
	close(old_worker);
	turn(fixture);
	assert_int_equal(fixture->launcher.stops, 1);
	assert_true(worker_link_is_open(&fixture->web->lane->worker));
	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_int_equal(fixture->launcher.stops, 2);
}

/* The same, where nobody unregistered the old one: its leader died while a handler ran. */
static void test_same_name_after_death(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");
	int old_worker;

	assert_true(receive(fixture, &request));
	old_worker = fixture->launcher.worker;
	fixture->launcher.worker = -1;
	registry_leader_moved(fixture->web);
	turn(fixture);
	assert_int_equal(fixture->launcher.stops, 0); /* it saves a core, perhaps the leader's */
	add_container(fixture);
	/* the new one goes, and has had no upcall: the old one's handler still runs */
	registry_leader_moved(fixture->web);
	turn(fixture);
	assert_int_equal(fixture->launcher.stops, 0);
	fixture->launcher.worker = old_worker;
	answer(fixture, id, WORKER_SERVED);
	assert_int_equal(fixture->launcher.stops, 1);
	assert_true(list_empty(&fixture->queue.lanes));
}

/* A reload does not touch what runs, and a smaller quota holds for what comes. */
static void test_reload(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct config *config = make_config();
	uint64_t id = offer(fixture, UPCALL_CLASS_KEY, "one");

	registry_set_config(&fixture->registry, config);
	config_unref(config);
	offer(fixture, UPCALL_CLASS_KEY, "one");
	assert_true(receive(fixture, &request));
	assert_false(receive(fixture, &request));
	answer(fixture, id, WORKER_SERVED);
	assert_true(receive(fixture, &request));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_leader_moved),
		fixed(test_leader_between),
		fixed(test_leader_unknown),
		fixed(test_unregister),
		fixed(test_unregister_while_starting),
		fixed(test_same_name_again),
		fixed(test_same_name_after_death),
		fixed(test_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
