// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers that wait for the module, and what becomes of them when it comes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-shim.h"
#include "own-leader.h"
#include "process.h"
#include "registry-fixture.h"

/* The module is unloaded, and the leader is one that may be a container's. */
static void go_without(struct fixture *fixture)
{
	registry_close(&fixture->registry);
	kill_leader(fixture);
	close(fixture->pidfd);
	fixture->child = own_leader();
	if (fixture->child < 0)
		skip();
	fixture->pidfd = pidfd_of((uint32_t)fixture->child);
	/* what the kernel will say of it: procfs, and what it does not tell */
	assert_int_equal(
		process_start_time((uint32_t)fixture->child, &fake_shim.process.start_time), 0);
	assert_int_equal(process_namespaces((uint32_t)fixture->child, fake_shim.process.ns), 0);
	fake_shim.process.start_time += 1234567;
	start(fixture, -1);
	fixture->registry.no_module = true;
}

static void restart_without(struct fixture *fixture)
{
	registry_close(&fixture->registry);
	start(fixture, -1);
	fixture->registry.no_module = true;
	assert_int_equal(registry_restore(&fixture->registry), 0);
}

static void assert_waits(struct fixture *fixture)
{
	struct container *container = registry_by_name(&fixture->registry, "web");

	assert_non_null(container);
	assert_true(container_waits(container));
	assert_null(registry_by_id(&fixture->registry, 0));
	assert_true(has_state(fixture, "web"));
	assert_int_equal(fixture->registry.count, 1);
	assert_int_equal(fake_shim.containers_count, 0);
}

static void assert_nowhere(struct fixture *fixture)
{
	assert_null(registry_by_name(&fixture->registry, "web"));
	assert_false(has_state(fixture, "web"));
	assert_int_equal(fixture->registry.count, 0);
	assert_int_equal(fixture->registry.tombstones_count, 0);
	assert_int_equal(fake_shim.containers_count, 0);
}

static void test_waiting(void **state)
{
	struct fixture *fixture = *state;

	go_without(fixture);
	assert_int_equal(register_as(fixture, "web"), 0);
	assert_waits(fixture);
	assert_int_equal(register_as(fixture, "web"), -EEXIST);
	/* a leader has one container, as with the module */
	assert_int_equal(register_as(fixture, "db"), -EEXIST);
	assert_non_null(strstr(fixture->failure.text, "is the leader of container 'web' already"));
	registry_set_config(&fixture->registry, fixture->config);
	assert_int_equal(fake_shim.policy_calls, 0);
	restart_without(fixture);
	assert_waits(fixture);
	assert_int_equal(registry_unregister(&fixture->registry, "web", &fixture->failure), 0);
	assert_nowhere(fixture);
}

static void test_waiting_refused(void **state)
{
	struct fixture *fixture = *state;
	int pidfd = pidfd_of((uint32_t)getpid()), own;
	uint32_t ns[UPCALL_NS_COUNT];

	go_without(fixture);
	own = fixture->pidfd;
	fixture->pidfd = pidfd;
	/* where process 1 can be seen */
	if (process_namespaces(1, ns) >= 0) {
		assert_int_equal(register_as(fixture, "web"), -EINVAL);
		assert_string_equal(fixture->failure.name, "NotAContainer");
	}
	fixture->pidfd = own;
	close(pidfd);
	/* as the administrator wants it */
	fixture->registry.require_shim = true;
	assert_int_equal(register_as(fixture, "web"), -ENODEV);
	assert_string_equal(fixture->failure.name, "NoShim");
	fixture->registry.require_shim = false;
	/* the module is there, and of no use to us: it may have a table */
	fixture->registry.no_module = false;
	assert_int_equal(register_as(fixture, "web"), -ENODEV);
	fixture->registry.no_module = true;
	kill_leader(fixture);
	assert_int_equal(register_as(fixture, "web"), -ESRCH);
	assert_nowhere(fixture);
}

static void test_waiting_leader_dies(void **state)
{
	struct fixture *fixture = *state;

	go_without(fixture);
	assert_int_equal(register_as(fixture, "web"), 0);
	kill_leader(fixture);
	ev_run(fixture->loop, EVRUN_ONCE);
	assert_int_equal(fixture->gone, 1);
	assert_nowhere(fixture);
}

/* It was waiting while no daemon ran. */
static void test_waiting_leader_died(void **state)
{
	struct fixture *fixture = *state;

	go_without(fixture);
	assert_int_equal(register_as(fixture, "web"), 0);
	registry_close(&fixture->registry);
	kill_leader(fixture);
	start(fixture, -1);
	fixture->registry.no_module = true;
	assert_int_equal(registry_restore(&fixture->registry), 0);
	assert_nowhere(fixture);
}

static void assert_live(struct fixture *fixture)
{
	struct container *container = registry_by_name(&fixture->registry, "web");

	assert_non_null(container);
	assert_false(container_waits(container));
	assert_int_equal(container->start_time, fake_shim.process.start_time);
	assert_int_equal(container->net_cookie, fake_shim.process.net_cookie);
	assert_ptr_equal(container, registry_by_id(&fixture->registry, container->id));
	assert_int_equal(fake_shim.containers_count, 1);
	assert_int_equal(fixture->registry.tombstones_count, 0);
}

static void test_waiting_ends_with_the_module(void **state)
{
	struct fixture *fixture = *state;

	go_without(fixture);
	assert_int_equal(register_as(fixture, "web"), 0);
	restart(fixture);
	assert_live(fixture);
	/* it is one as any other from now on */
	restart(fixture);
	assert_live(fixture);
	/* also if the module is unloaded and loaded again */
	fake_shim.containers_count = 0;
	restart_without(fixture);
	assert_waits(fixture);
	restart(fixture);
	assert_live(fixture);
}

/* Started a clock tick later. */
static void test_waiting_for_another_process(void **state)
{
	struct fixture *fixture = *state;

	go_without(fixture);
	assert_int_equal(register_as(fixture, "web"), 0);
	fake_shim.process.start_time += 10000000;
	restart(fixture);
	assert_nowhere(fixture);
}

/* The same process, elsewhere: what it has left while it waited is no way to the host's helpers. */
static void test_waiting_moves(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct fixture *fixture = *state;

		go_without(fixture);
		assert_int_equal(register_as(fixture, "web"), 0);
		if (i) /* it has been in a table before */
			restart(fixture);
		fake_shim.containers_count = 0;
		restart_without(fixture);
		assert_waits(fixture);
		fake_shim.process.ns[UPCALL_NS_MNT]++;
		restart(fixture);
		assert_refused(fixture, "web");
		assert_unregisters(fixture, "web");
	}
}

/* Its main thread has ended: the kernel cannot be told of it, and it is not forgotten. */
static void test_waiting_half(void **state)
{
	struct fixture *fixture = *state;

	go_without(fixture);
	assert_int_equal(register_as(fixture, "web"), 0);
	fake_shim.process.ns[UPCALL_NS_MNT]++;
	fake_shim.fail_add = -ESRCH;
	restart(fixture);
	assert_null(registry_by_name(&fixture->registry, "web"));
	assert_true(has_state(fixture, "web"));
	fake_shim.process.ns[UPCALL_NS_MNT]--;
	/* taken */
	restart(fixture);
	assert_live(fixture);
}

static void change_state(struct fixture *fixture, uint64_t start_time)
{
	struct container *container = NULL;

	assert_int_equal(state_load(fixture->registry.state_fd, "web", &container), 0);
	container->start_time += start_time;
	assert_int_equal(state_save(fixture->registry.state_fd, container), 0);
	container_free(container);
}

/* The same by procfs, and for who was registered with the module. */
static void test_waiting_again_for_another_process(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 2; i++) {
		go_without(fixture);
		assert_int_equal(register_as(fixture, "web"), 0);
		if (i)
			restart(fixture);
		fake_shim.containers_count = 0;
		change_state(fixture, 10000000);
		restart_without(fixture);
		assert_nowhere(fixture);
	}
}

/* The kernel says then what it would have said at once. */
static void test_waiting_needs_cgroup(void **state)
{
	struct fixture *fixture = *state;

	go_without(fixture);
	assert_int_equal(register_as(fixture, "web"), 0);
	fake_shim.fail_add = -ENOTUNIQ;
	restart(fixture);
	assert_nowhere(fixture);
	assert_int_equal(fixture->was_gone, 1);
}

/* Killed once the kernel had it: it is found in the table. */
static void test_waiting_and_a_crash(void **state)
{
	struct fixture *fixture = *state;

	go_without(fixture);
	assert_int_equal(register_as(fixture, "web"), 0);
	crashing = fixture;
	fake_shim.before_add = take_intent;
	restart(fixture);
	fake_shim.before_add = NULL;
	write_state(fixture, "web", intent);
	restart(fixture);
	assert_live(fixture);
	/* and killed before that, it waits on */
	fake_shim.containers_count = 0;
	write_state(fixture, "web", intent);
	restart(fixture);
	assert_live(fixture);
}

#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_waiting),
		fixed(test_waiting_refused),
		fixed(test_waiting_leader_dies),
		fixed(test_waiting_leader_died),
		fixed(test_waiting_ends_with_the_module),
		fixed(test_waiting_for_another_process),
		fixed(test_waiting_moves),
		fixed(test_waiting_half),
		fixed(test_waiting_again_for_another_process),
		fixed(test_waiting_needs_cgroup),
		fixed(test_waiting_and_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
