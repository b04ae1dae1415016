// SPDX-License-Identifier: GPL-2.0-or-later
/* What the next daemon makes of state files and the kernel's table, also after a crash. */
#include <errno.h>
#include <fcntl.h>
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
#include "process.h"
#include "registry-fixture.h"

static void test_restart(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	registry_by_name(&fixture->registry, "web")->served = 5;
	registry_by_name(&fixture->registry, "web")->counted = true;
	restart(fixture);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	assert_int_equal(registry_by_name(&fixture->registry, "web")->served, 5);
	assert_int_equal(registry_by_name(&fixture->registry, "web")->id, UPCALL_CONTAINER_FIRST);
	assert_int_equal(fake_shim.containers_count, 1);
	assert_int_equal(fake_shim.policy_calls, 1);
	/* its leader is watched again */
	kill_leader(fixture);
	ev_run(fixture->loop, EVRUN_ONCE);
	assert_int_equal(fixture->gone, 1);
}

static void test_restart_with_reloaded_module(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	fake_shim.containers_count = 0;
	fake_shim.next_id = 100;
	restart(fixture);
	assert_int_equal(fake_shim.containers_count, 1);
	assert_non_null(registry_by_id(&fixture->registry, 100));
}

static void test_restart_after_death(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	kill_leader(fixture);
	fake_shim.containers[0].state = UPCALL_CONTAINER_TOMBSTONE;
	restart(fixture);
	assert_null(registry_by_name(&fixture->registry, "web"));
	assert_int_equal(fixture->was_gone, 1);
	assert_false(has_state(fixture, "web"));
	/* the tombstone is the kernel's: taking it away would open the host's path */
	assert_int_equal(fake_shim.containers_count, 1);
	assert_int_equal(fixture->registry.tombstones_count, 1);
}

static void test_restart_with_another_process(void **state)
{
	static const struct {
		const char *desc;
		uint64_t start_time, net_cookie;
		uint32_t mnt;
	} cases[] = {
		{ "started later", 1, 0, 0 },
		{ "other network", 0, 1, 0 },
		{ "other mounts", 0, 0, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fixture = *state;

		fake_shim_reset();
		fake_shim.process.start_time = 1000;
		assert_int_equal(register_as(fixture, "web"), 0);
		fake_shim.process.start_time += cases[i].start_time;
		fake_shim.process.net_cookie += cases[i].net_cookie;
		fake_shim.process.ns[UPCALL_NS_MNT] += cases[i].mnt;
		restart(fixture);
		if (registry_by_name(&fixture->registry, "web") || has_state(fixture, "web"))
			fail_msg("%s", cases[i].desc);
		assert_refused(fixture, "web");
		assert_unregisters(fixture, "web");
	}
}

/* What the kernel is told of a boundary is what it said itself. */
static void test_derived_boundary(void **state)
{
	static const struct {
		uint64_t known; /* named, or from a state file */
		uint64_t cgroup_id;
		uint32_t flags;
		uint32_t derived;
	} cases[] = {
		{ 0, 9, UPCALL_CONTAINER_SHARED, 1 },
		{ 9, 9, UPCALL_CONTAINER_SHARED, 1 },
		{ 9, 9, 0, 0 },
		{ 0, 9, 0, 1 }, /* an older module's */
		{ 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upcall_container kernel = { .cgroup_id = cases[i].cgroup_id,
						   .flags = cases[i].flags };
		struct container *container = container_new("web");

		container->cgroup_id = cases[i].known;
		container_from_kernel(container, &kernel);
		assert_int_equal(container->cgroup_derived, cases[i].derived);
		container_to_kernel(container, &kernel);
		assert_int_equal(kernel.cgroup_id, cases[i].cgroup_id);
		assert_int_equal(kernel.flags, cases[i].derived ? UPCALL_CONTAINER_SHARED : 0);
		container_free(container);
	}
}

static void test_restart_of_derived(void **state)
{
	static const struct {
		const char *desc;
		int fail;
		bool moved;
		uint32_t flags;
		uint64_t cgroup_id;
	} cases[] = {
		{ "found again", 0, false, UPCALL_CONTAINER_SHARED, 7 },
		{ "moved", 0, true, UPCALL_CONTAINER_SHARED, 7 },
		{ "a module that does not know", -EINVAL, false, 0, 7 },
		{ "removed", -ENOENT, false, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fixture = *state;
		struct container *container;

		print_message("%s\n", cases[i].desc);
		fake_shim_reset();
		assert_int_equal(register_as(fixture, "web"), 0);
		container = registry_by_name(&fixture->registry, "web");
		container->cgroup_id = 7;
		container->cgroup_derived = 1;
		container->cgroup = strdup("x");
		assert_true(state_save(fixture->registry.state_fd, container) >= 0);
		fake_shim.containers_count = 0;
		fake_shim.fail_add = cases[i].fail;
		fake_shim.process.ns[UPCALL_NS_MNT] += cases[i].moved;
		restart(fixture);
		assert_int_equal(fake_shim.containers_count, 1);
		assert_int_equal(fake_shim.containers[0].cgroup_id, cases[i].cgroup_id);
		assert_int_equal(fake_shim.containers[0].flags, cases[i].flags);
		/* and the file that it has left is one that can be read */
		restart(fixture);
		assert_int_equal(fake_shim.containers_count, 1);
		container = registry_by_name(&fixture->registry, "web");
		assert_true(cases[i].moved || container);
		if (container)
			assert_int_equal(container->cgroup_derived, cases[i].cgroup_id ? 1 : 0);
		assert_unregisters(fixture, "web");
	}
}

static void test_restart_with_corrupt_file(void **state)
{
	struct fixture *fixture = *state;
	int fd;

	assert_int_equal(register_as(fixture, "web"), 0);
	fd = openat(fixture->registry.state_fd, "db", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "VERSION=1\n", 10), 10);
	close(fd);
	restart(fixture);
	/* it costs that container only */
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	assert_false(has_state(fixture, "db"));
}

/* Whatever has become of the state file: the container lives, so its entry stays, and denies. */
static void test_restart_without_state(void **state)
{
	static const struct {
		const char *desc;
		const char *text; /* NULL: no file */
	} cases[] = {
		{ "no file", NULL },
		{ "empty", "" },
		{ "cut off", "VERSION=1\n" },
		{ "of another version", "VERSION=2\nNAME=web\nEND=1\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fixture = *state;

		print_message("%s\n", cases[i].desc);
		assert_int_equal(register_as(fixture, "web"), 0);
		fake_shim.containers[0].policy.verdict[UPCALL_CLASS_KEY] = UPCALL_VERDICT_OFFER;
		fake_shim.containers[0].policy.key_rules = 1;
		if (cases[i].text)
			write_state(fixture, "web", cases[i].text);
		else
			state_remove(fixture->registry.state_fd, "web");
		restart(fixture);
		assert_refused(fixture, "web");
		restart(fixture);
		assert_refused(fixture, "web");
		assert_int_equal(register_as(fixture, "web"), -EEXIST);
		assert_non_null(strstr(fixture->failure.text, "unregister it first"));
		assert_refused(fixture, "web");
		assert_unregisters(fixture, "web");
	}
}

/* A shortage is no reason to lose it: refused now, as it was at the next start. */
static void test_restart_with_shortage(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	registry_close(&fixture->registry);
	start(fixture, FAKE_SHIM_FD);
	fake_shim.fail_policy = -ENOMEM;
	assert_int_equal(registry_restore(&fixture->registry), 0);
	assert_refused(fixture, "web");
	assert_true(has_state(fixture, "web"));
	/* a registration that is refused does not write over what is kept */
	assert_int_equal(register_as(fixture, "web"), -EEXIST);
	assert_true(has_state(fixture, "web"));
	restart(fixture);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	assert_int_equal(fixture->registry.tombstones_count, 0);
	assert_int_equal(fake_shim.containers[0].policy.verdict[UPCALL_CLASS_KEY],
			 UPCALL_VERDICT_NATIVE);
	/* unregistered while refused, it does not come back */
	registry_close(&fixture->registry);
	start(fixture, FAKE_SHIM_FD);
	fake_shim.fail_policy = -ENOMEM;
	assert_int_equal(registry_restore(&fixture->registry), 0);
	assert_unregisters(fixture, "web");
	restart(fixture);
	assert_null(registry_by_name(&fixture->registry, "web"));
}

/* Where the table cannot be read whole, what has been read is not judged by half the files. */
static void test_restart_without_the_table(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	registry_close(&fixture->registry);
	start(fixture, FAKE_SHIM_FD);
	fake_shim.fail_next = -ENOMEM;
	assert_int_equal(registry_restore(&fixture->registry), -ENOMEM);
	assert_int_equal(fake_shim.containers_count, 1);
	assert_true(has_state(fixture, "web"));
	restart(fixture);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
}

/* The kernel knows better than the file who the leader was. */
static void test_restart_believes_the_kernel(void **state)
{
	struct fixture *fixture = *state;
	struct container *container;

	assert_int_equal(register_as(fixture, "web"), 0);
	container = registry_by_name(&fixture->registry, "web");
	container->ns[UPCALL_NS_UTS] = 1;
	container->own_ns = 0;
	assert_int_equal(state_save(fixture->registry.state_fd, container), 0);
	restart(fixture);
	container = registry_by_name(&fixture->registry, "web");
	assert_non_null(container);
	assert_int_equal(container->ns[UPCALL_NS_UTS], fake_shim.process.ns[UPCALL_NS_UTS]);
	assert_int_equal(container->own_ns, fake_shim.containers[0].own_ns);
	/* and so does the file from now on: the module may be loaded again */
	fake_shim.containers_count = 0;
	restart(fixture);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
}

static void test_restart_with_unknown_entries(void **state)
{
	struct fixture *fixture = *state;

	fake_shim.containers[0] = (struct upcall_container){ .id = 20, .name = "live" };
	fake_shim.containers[1] = (struct upcall_container){
		.id = 21, .name = "dead", .leader = 1, .state = UPCALL_CONTAINER_TOMBSTONE
	};
	fake_shim.containers_count = 2;
	restart(fixture);
	assert_int_equal(fake_shim.containers_count, 2);
	assert_int_equal(fixture->registry.tombstones_count, 2);
	assert_int_equal(registry_unregister(&fixture->registry, "dead", &fixture->failure), 0);
	assert_refused(fixture, "live");
	assert_unregisters(fixture, "live");
}

/* ---------------------------------------------------- a crash on the way in */

static bool state_at_add;

static void look_at_state(void)
{
	state_at_add = has_state(crashing, "web");
}

static void test_state_before_kernel(void **state)
{
	struct fixture *fixture = *state;

	crashing = fixture;
	fake_shim.before_add = look_at_state;
	assert_int_equal(register_as(fixture, "web"), 0);
	assert_true(state_at_add);
}

/* It ended before the kernel was asked: nobody was told of it, and nothing is left. */
static void test_crash_before_add(void **state)
{
	struct fixture *fixture = *state;

	crashing = fixture;
	fake_shim.before_add = take_intent;
	fake_shim.fail_add = -ENOSPC;
	assert_true(register_as(fixture, "web") < 0);
	fake_shim.before_add = NULL;
	assert_false(has_state(fixture, "web"));
	assert_true(*intent);
	write_state(fixture, "web", intent);
	restart(fixture);
	assert_null(registry_by_name(&fixture->registry, "web"));
	assert_false(has_state(fixture, "web"));
	assert_int_equal(fake_shim.containers_count, 0);
	assert_int_equal(register_as(fixture, "web"), 0);
}

/* It ended after that: the kernel has the container, so it is one, and whole. */
static void test_crash_after_add(void **state)
{
	struct fixture *fixture = *state;
	struct container *container;

	crashing = fixture;
	fake_shim.before_add = take_intent;
	assert_int_equal(register_as(fixture, "web"), 0);
	fake_shim.before_add = NULL;
	assert_true(*intent);
	write_state(fixture, "web", intent);
	restart(fixture);
	container = registry_by_name(&fixture->registry, "web");
	assert_non_null(container);
	assert_int_equal(container->own_ns, fake_shim.containers[0].own_ns);
	assert_int_equal(fixture->registry.tombstones_count, 0);
	fake_shim.containers_count = 0;
	restart(fixture);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
}

#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_restart),
		fixed(test_restart_with_reloaded_module),
		fixed(test_restart_after_death),
		fixed(test_restart_with_another_process),
		cmocka_unit_test(test_derived_boundary),
		fixed(test_restart_of_derived),
		fixed(test_restart_with_corrupt_file),
		fixed(test_restart_without_state),
		fixed(test_restart_with_shortage),
		fixed(test_restart_without_the_table),
		fixed(test_restart_believes_the_kernel),
		fixed(test_restart_with_unknown_entries),
		fixed(test_state_before_kernel),
		fixed(test_crash_before_add),
		fixed(test_crash_after_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
