// SPDX-License-Identifier: GPL-2.0-or-later
/* By what containers are found: tombstones that share a name, a leader's number that is used again,
 * users. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake-shim.h"
#include "registry-fixture.h"
#include "user.h"

/* One that is dead here and in the kernel. */
static void bury(struct fixture *fixture, const char *name, uint32_t leader, uint32_t uid)
{
	struct upcall_container *kernel = &fake_shim.containers[fake_shim.containers_count++];
	struct container *container = container_new(name);

	assert_non_null(container);
	*kernel = (struct upcall_container){ .id = fake_shim.next_id++,
					     .leader = leader,
					     .owner = uid,
					     .state = UPCALL_CONTAINER_TOMBSTONE };
	snprintf(kernel->name, sizeof(kernel->name), "%s", name);
	container_from_kernel(container, kernel);
	container->leader = leader;
	container->uid = uid;
	registry_bury(&fixture->registry, container, NULL);
}

/* The kernel forgets its first n, the oldest ones. */
static void forget(struct fixture *fixture, unsigned int n)
{
	fake_shim.containers_count -= n;
	memmove(fake_shim.containers, fake_shim.containers + n,
		fake_shim.containers_count * sizeof(fake_shim.containers[0]));
	registry_sweep(&fixture->registry);
}

static unsigned int count_named(struct fixture *fixture, const char *name)
{
	struct container *container = registry_tombstone(&fixture->registry, name);
	unsigned int count = 0;

	for (; container; container = registry_tombstone_next(container)) {
		assert_string_equal(container->name, name);
		count++;
	}
	return count;
}

static unsigned int count_led(struct fixture *fixture, uint32_t leader)
{
	struct container *container = registry_by_leader(&fixture->registry, leader);
	unsigned int count = 0;

	for (; container; container = registry_by_leader_next(container)) {
		assert_int_equal(container->leader, leader);
		count++;
	}
	return count;
}

static void test_namesakes(void **state)
{
	struct fixture *fixture = *state;

	bury(fixture, "web", 7, 0);
	bury(fixture, "web", 8, 0);
	bury(fixture, "db", 9, 0);
	assert_int_equal(count_named(fixture, "web"), 2);
	assert_int_equal(count_named(fixture, "db"), 1);
	assert_null(registry_by_name(&fixture->registry, "web"));
	/* the name is free, and whose it is has nothing to do with who had it */
	assert_int_equal(register_as(fixture, "web"), 0);
	assert_int_equal(count_named(fixture, "web"), 2);
	assert_null(registry_by_name(&fixture->registry, "web")->refused);
	forget(fixture, 1);
	assert_int_equal(count_named(fixture, "web"), 1);
	assert_int_equal(registry_tombstone(&fixture->registry, "web")->leader, 8);
	assert_int_equal(count_led(fixture, 7), 0);
	forget(fixture, 2);
	assert_null(registry_tombstone(&fixture->registry, "web"));
	assert_null(registry_tombstone(&fixture->registry, "db"));
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	assert_int_equal(registry_unregister(&fixture->registry, "web", &fixture->failure), 0);
	assert_int_equal(registry_unregister(&fixture->registry, "web", &fixture->failure),
			 -ENOENT);
}

/* The leader of a tombstone is nobody's, and its number may be another's. */
static void test_leader_again(void **state)
{
	struct fixture *fixture = *state;
	uint32_t leader = (uint32_t)fixture->child;
	struct tags_adoption adoption = { .has_leader = true, .leader = leader };

	bury(fixture, "old", leader, 0);
	assert_int_equal(count_led(fixture, leader), 1);
	assert_null(registry_by_leader(&fixture->registry, leader)->registry);
	/* it is no reason to take the container for registered */
	assert_true(registry_adopt(&fixture->registry, &adoption, &fixture->failure) < 0);
	forget(fixture, 1);
	assert_int_equal(register_as(fixture, "new"), 0);
	bury(fixture, "old", leader, 0);
	assert_int_equal(count_led(fixture, leader), 2);
	adoption.start_time = fake_shim.process.start_time;
	assert_int_equal(registry_adopt(&fixture->registry, &adoption, &fixture->failure), 0);
	assert_int_equal(registry_unregister(&fixture->registry, "new", &fixture->failure), 0);
	assert_int_equal(count_led(fixture, leader), 1);
}

/* A user's part is what the kernel still has of his. */
static void test_users_part(void **state)
{
	struct fixture *fixture = *state;
	struct registry *registry = &fixture->registry;

	for (unsigned int i = 0; i < USER_CONTAINERS_MAX; i++) {
		assert_int_equal(registry_check_user(registry, 1000, &fixture->failure), 0);
		bury(fixture, "web", 100 + i, 1000);
	}
	assert_int_equal(registry_count_user(registry, 1000), USER_CONTAINERS_MAX);
	assert_int_equal(registry_check_user(registry, 1000, &fixture->failure), -EDQUOT);
	assert_int_equal(registry_check_user(registry, 1001, &fixture->failure), 0);
	assert_int_equal(registry_check_user(registry, 0, &fixture->failure), 0);
	/* the kernel has forgotten them, and nobody has asked since */
	fake_shim.containers_count = 0;
	assert_int_equal(registry_check_user(registry, 1000, &fixture->failure), 0);
	assert_int_equal(registry_count_user(registry, 1000), 0);
	bury(fixture, "web", 7, 1000);
	assert_int_equal(registry_count_user(registry, 1000), 1);
}

#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_namesakes),
		fixed(test_leader_again),
		fixed(test_users_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
