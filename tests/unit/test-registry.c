// SPDX-License-Identifier: GPL-2.0-or-later
/* Registering, unregistering, and the death or the moving of leaders. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fake-shim.h"
#include "no-watches.h"
#include "process.h"
#include "registry-fixture.h"

/* ------------------------------------------------------------ registering */

static void test_register(void **state)
{
	struct fixture *fixture = *state;
	struct container *container;

	assert_int_equal(register_as(fixture, "web"), 0);
	container = registry_by_name(&fixture->registry, "web");
	assert_non_null(container);
	assert_ptr_equal(container, registry_by_id(&fixture->registry, UPCALL_CONTAINER_FIRST));
	assert_int_equal(container->leader, fixture->child);
	assert_int_equal(container->start_time, fake_shim.process.start_time);
	assert_int_equal(fake_shim.containers_count, 1);
	assert_true(has_state(fixture, "web"));
	assert_null(registry_by_name(&fixture->registry, "db"));
	assert_null(registry_by_id(&fixture->registry, 1));
}

static void test_kernel_refuses(void **state)
{
	static const struct {
		int error;
		const char *name;
	} cases[] = {
		{ -ESRCH, "NoSuchProcess" },  { -EINVAL, "NotAContainer" },
		{ -EEXIST, "NameTaken" },     { -ENOENT, "NoSuchCgroup" },
		{ -ENOTUNIQ, "NeedsCgroup" }, { -ENOSPC, "LimitReached" },
		{ -EIO, "Failed" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_shim.fail_add = cases[i].error;
		assert_true(register_as(fixture, "web") < 0);
		assert_string_equal(fixture->failure.name, cases[i].name);
		assert_true(strlen(fixture->failure.text) > 10);
		assert_null(registry_by_name(&fixture->registry, "web"));
		assert_false(has_state(fixture, "web"));
		assert_int_equal(fake_shim.containers_count, 0);
	}
}

static void test_bad_arguments(void **state)
{
	struct fixture *fixture = *state;
	struct registry_options options = { 0 };
	struct container *container;
	char *labels[20] = { (char[]){ "a\nb" } };

	assert_int_equal(register_as(fixture, "../etc"), -EINVAL);
	assert_string_equal(fixture->failure.name, "BadName");
	assert_int_equal(register_as(fixture, "web\n"), -EINVAL);
	assert_null(strchr(fixture->failure.text, '\n'));
	options.labels = labels;
	assert_int_equal(registry_register(&fixture->registry, "web", fixture->pidfd, &options,
					   &container, &fixture->failure),
			 -EINVAL);
	assert_string_equal(fixture->failure.name, "BadArgument");
	options = (struct registry_options){ .runtime = "" };
	assert_int_equal(registry_register(&fixture->registry, "web", fixture->pidfd, &options,
					   &container, &fixture->failure),
			 -EINVAL);
	options = (struct registry_options){ .cgroup = "/no/such/cgroup" };
	assert_true(registry_register(&fixture->registry, "web", fixture->pidfd, &options,
				      &container, &fixture->failure) < 0);
	assert_string_equal(fixture->failure.name, "NoSuchCgroup");
	options = (struct registry_options){ 0 };
	assert_true(registry_register(&fixture->registry, "web", STDIN_FILENO, &options, &container,
				      &fixture->failure) < 0);
	assert_string_equal(fixture->failure.name, "BadArgument");
	assert_int_equal(fake_shim.containers_count, 0);
}

static int register_filtered(struct fixture *fixture, const char *name,
			     const struct sock_filter *code, size_t size)
{
	struct registry_options options = { .filter = code, .filter_size = size };
	struct container *container;

	return registry_register(&fixture->registry, name, fixture->pidfd, &options, &container,
				 &fixture->failure);
}

static bool has_filter(struct fixture *fixture, const char *name)
{
	int fd = state_open_filter(fixture->registry.state_fd, name);

	close_keep_errno(fd);
	return fd >= 0;
}

/* It is there as long as the container, goes with what runs under it, and is what it was. */
static void test_filter(void **state)
{
	const struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
					    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct worker_request request = { .handler = WORKER_BECOME };
	struct fixture *fixture = *state;
	struct sock_filter got[3];
	struct container *container;
	int fd;

	assert_int_equal(register_filtered(fixture, "web", code, sizeof(code)), 0);
	restart(fixture);
	assert_int_equal(registry_restore(&fixture->registry), 0);
	container = registry_by_name(&fixture->registry, "web");
	assert_non_null(container);
	assert_int_equal(container->filter, 2);
	assert_int_equal(registry_add_filter(container, &request, &fd), 0);
	assert_int_equal(request.filter, 1);
	assert_int_equal(read(fd, got, sizeof(got)), sizeof(code));
	assert_memory_equal(got, code, sizeof(code));
	close(fd);
	/* not with what is not the container's */
	for (size_t i = 0; i < 3; i++) {
		const struct worker_request others[] = { { .handler = WORKER_ANSWER_DNS },
							 { .handler = WORKER_PROBE },
							 { .handler = WORKER_BECOME,
							   .run_in = WORKER_RUN_IN_HOST } };

		request = others[i];
		assert_int_equal(registry_add_filter(container, &request, &fd), 0);
		assert_int_equal(request.filter, 0);
		assert_int_equal(fd, -1);
	}
	/* without it nothing is run */
	request = (struct worker_request){ .handler = WORKER_BECOME };
	assert_int_equal(state_save_filter(fixture->registry.state_fd, "web", code, 8), 0);
	assert_int_equal(registry_add_filter(container, &request, &fd), -EBADMSG);
	assert_int_equal(unlinkat(fixture->registry.state_fd, ".filter-web", 0), 0);
	assert_int_equal(registry_add_filter(container, &request, &fd), -ENOENT);
	assert_int_equal(request.filter, 0);
	assert_int_equal(fd, -1);
	assert_int_equal(state_save_filter(fixture->registry.state_fd, "web", code, 16), 0);
	assert_unregisters(fixture, "web");
	assert_false(has_filter(fixture, "web"));
}

static void test_bad_filter(void **state)
{
	static const struct {
		size_t size;
		const char *says;
	} sizes[] = {
		{ 7, "the seccomp filter's 7 bytes are no instructions of 8 bytes each" },
		{ (BPF_MAXINSNS + 1) * 8, "has 4097 instructions, more than 4096" },
		{ 8, "instruction 0 is none that Linux takes there" },
	};
	const struct sock_filter zero = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO);
	static const struct sock_filter code[BPF_MAXINSNS + 1] = { BPF_STMT(BPF_LD | BPF_IMM, 0) };
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(register_filtered(fixture, "web", code, sizes[i].size), -EINVAL);
		assert_string_equal(fixture->failure.name, "BadArgument");
		assert_non_null(strstr(fixture->failure.text, sizes[i].says));
	}
	assert_int_equal(register_filtered(fixture, "web", &zero, sizeof(zero)), -EINVAL);
	assert_non_null(strstr(fixture->failure.text, "can return 0 for a call that is not made"));
	assert_false(has_filter(fixture, "web"));
	/* nor does one stay of whom the kernel does not take */
	fake_shim.fail_add = -EIO;
	assert_true(register_filtered(fixture, "web", &allow, sizeof(allow)) < 0);
	assert_false(has_filter(fixture, "web"));
	assert_false(has_state(fixture, "web"));
}

static void test_taken(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	assert_int_equal(register_as(fixture, "web"), -EEXIST);
	assert_string_equal(fixture->failure.name, "NameTaken");
	fake_shim.fail_add = -EEXIST;
	assert_int_equal(register_as(fixture, "db"), -EEXIST);
	assert_string_equal(fixture->failure.name, "NameTaken");
	assert_non_null(strstr(fixture->failure.text, "is the leader of container 'web' already"));
	assert_int_equal(fixture->registry.count, 1);
}

static void test_dead_leader(void **state)
{
	struct fixture *fixture = *state;

	kill_leader(fixture);
	assert_int_equal(register_as(fixture, "web"), -ESRCH);
	assert_string_equal(fixture->failure.name, "NoSuchProcess");
}

/* It dies between the pidfd and the kernel's entry: no entry may stay. */
static void test_leader_dies_meanwhile(void **state)
{
	struct fixture *fixture = *state;

	kill(fixture->child, SIGKILL);
	for (int i = 0; i < 1000 && pidfd_alive(fixture->pidfd); i++)
		usleep(1000);
	/* a zombie: the pid is there still, and the fake adds it */
	assert_int_equal(register_as(fixture, "web"), -ESRCH);
	assert_int_equal(fake_shim.containers_count, 0);
	assert_false(has_state(fixture, "web"));
}

static void test_no_shim(void **state)
{
	struct fixture *fixture = *state;

	registry_close(&fixture->registry);
	start(fixture, -1);
	assert_int_equal(register_as(fixture, "web"), -ENODEV);
	assert_string_equal(fixture->failure.name, "NoShim");
}

/* ----------------------------------------------------------------- leaving */

static void test_unregister(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	assert_int_equal(registry_unregister(&fixture->registry, "web", &fixture->failure), 0);
	assert_int_equal(fixture->gone, 1);
	assert_int_equal(fixture->reason, REGISTRY_UNREGISTERED);
	assert_int_equal(fake_shim.containers_count, 0);
	assert_false(has_state(fixture, "web"));
	assert_int_equal(registry_unregister(&fixture->registry, "web", &fixture->failure),
			 -ENOENT);
	assert_string_equal(fixture->failure.name, "NoSuchContainer");
	assert_int_equal(register_as(fixture, "web"), 0);
}

static void test_leader_dies(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	kill_leader(fixture);
	ev_run(fixture->loop, EVRUN_ONCE);
	assert_int_equal(fixture->gone, 1);
	assert_int_equal(fixture->reason, REGISTRY_LEADER_GONE);
	assert_null(registry_by_name(&fixture->registry, "web"));
	assert_false(has_state(fixture, "web"));
	/* the kernel has a tombstone */
	assert_int_equal(fixture->registry.tombstones_count, 1);
	registry_sweep(&fixture->registry);
	assert_int_equal(fixture->registry.tombstones_count, 1);
	fake_shim.containers_count = 0;
	registry_sweep(&fixture->registry);
	assert_int_equal(fixture->registry.tombstones_count, 0);
}

static void test_tombstone_is_unregistered(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	kill_leader(fixture);
	ev_run(fixture->loop, EVRUN_ONCE);
	assert_int_equal(registry_unregister(&fixture->registry, "web", &fixture->failure), 0);
	assert_int_equal(fake_shim.containers_count, 0);
}

static int unregister_ended(struct fixture *fixture)
{
	return registry_unregister_ended(&fixture->registry, "web", &fixture->failure);
}

static void test_ended_only(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unregister_ended(fixture), -ENOENT);
	assert_int_equal(register_as(fixture, "web"), 0);
	assert_int_equal(unregister_ended(fixture), -EBUSY);
	assert_string_equal(fixture->failure.name, "Busy");
	assert_int_equal(fake_shim.containers_count, 1);
	kill_leader(fixture);
	/* also before the loop has seen it */
	assert_int_equal(unregister_ended(fixture), 0);
	assert_int_equal(fake_shim.containers_count, 0);
	assert_false(has_state(fixture, "web"));
	assert_int_equal(unregister_ended(fixture), -ENOENT);
}

/* ATTACK: what its leader left behind must not come to the host's path by the leader's end. */
static void test_ended_in_part(void **state)
{
	struct fixture *fixture = *state;
	struct container *tombstone;

	assert_int_equal(register_as(fixture, "web"), 0);
	kill_leader(fixture);
	ev_run(fixture->loop, EVRUN_ONCE);
	tombstone = first_tombstone(fixture);
	/* a cgroup, of which it cannot be said whether it is empty */
	tombstone->cgroup_id = 1;
	assert_int_equal(unregister_ended(fixture), -EBUSY);
	tombstone->cgroup = strdup("no/such/cgroup");
	tombstone->refused = REGISTRY_UNKNOWN;
	assert_int_equal(unregister_ended(fixture), -EBUSY);
	assert_int_equal(fake_shim.containers_count, 1);
	tombstone->refused = NULL;
	assert_int_equal(unregister_ended(fixture), 0);
	assert_int_equal(fake_shim.containers_count, 0);
}

/* Whose name it is by now is not unregistered by the end of who had it before. */
static void test_ended_before(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	kill_leader(fixture);
	ev_run(fixture->loop, EVRUN_ONCE);
	/* the kernel's tombstone has gone, ours has not been swept */
	fake_shim.containers_count = 0;
	close(fixture->pidfd);
	new_leader(fixture);
	assert_int_equal(register_as(fixture, "web"), 0);
	assert_int_equal(unregister_ended(fixture), -EBUSY);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	assert_int_equal(fake_shim.containers_count, 1);
}

/* It may have tasks, and its leader lives: nothing but unregistering ends it. */
static void test_moved_leader(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	registry_leader_moved(registry_by_name(&fixture->registry, "web"));
	ev_run(fixture->loop, EVRUN_NOWAIT);
	assert_int_equal(fixture->gone, 1);
	assert_refused(fixture, "web");
	assert_int_equal(register_as(fixture, "web"), -EEXIST);
	assert_non_null(strstr(fixture->failure.text, "unregister it first"));
	assert_refused(fixture, "web");
	assert_false(has_state(fixture, "web"));
	/* also if it has come back meanwhile, and the kernel saw nothing of it */
	restart(fixture);
	assert_refused(fixture, "web");
	assert_unregisters(fixture, "web");
	assert_int_equal(register_as(fixture, "web"), 0);
}

/* The daemon need not have seen it: the shim did. */
static void test_leader_moves_without_daemon(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	fake_shim.containers[0].state = UPCALL_CONTAINER_TOMBSTONE;
	restart(fixture);
	assert_int_equal(fake_shim.containers_count, 1);
	assert_non_null(first_tombstone(fixture)->refused);
	restart(fixture);
	assert_non_null(first_tombstone(fixture)->refused);
	assert_unregisters(fixture, "web");
}

/* One of which nothing but its cgroup is left ends by itself: nobody has to do anything. */
static void test_dead_leader_needs_nobody(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	kill_leader(fixture);
	fake_shim.containers[0].state = UPCALL_CONTAINER_TOMBSTONE;
	ev_run(fixture->loop, EVRUN_ONCE);
	assert_null(first_tombstone(fixture)->refused);
	restart(fixture);
	assert_null(first_tombstone(fixture)->refused);
}

static void test_many(void **state)
{
	struct fixture *fixture = *state;

	registry_close(&fixture->registry);
	start(fixture, FAKE_SHIM_FD);
	for (unsigned int i = 0; i < 10000; i++) {
		char name[16];
		struct container *container;

		sprintf(name, "c%u", i);
		container = container_new(name);
		container->id = UPCALL_CONTAINER_FIRST + i;
		/* one for all: only the look-up is measured */
		container->pidfd = -1;
		assert_int_equal(hash_add(&fixture->registry.by_name, &container->by_name,
					  hash_text(name)),
				 0);
		assert_int_equal(
			hash_add(&fixture->registry.by_id, &container->by_id, container->id), 0);
		list_append(&fixture->registry.containers, &container->link);
		container->registry = &fixture->registry;
		watch_init(&container->leader_watch, fixture->loop, "", NULL, 0);
	}
	for (unsigned int i = 0; i < 10000; i++) {
		char name[16];

		sprintf(name, "c%u", i);
		assert_int_equal(registry_by_name(&fixture->registry, name)->id,
				 UPCALL_CONTAINER_FIRST + i);
		assert_string_equal(
			registry_by_id(&fixture->registry, UPCALL_CONTAINER_FIRST + i)->name, name);
	}
}

/* A container has all watches of epoll(7) that root may have: others' leaders live all the same. */
static void test_unwatched(void **state)
{
	struct fixture *fixture = *state;

	no_watches_count = 0;
	no_watches = true;
	assert_int_equal(register_as(fixture, "web"), 0);
	for (int i = 0; i < 4; i++)
		ev_run(fixture->loop, EVRUN_NOWAIT);
	assert_int_equal(no_watches_count, 1);
	assert_int_equal(fixture->gone, 0);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	assert_true(has_state(fixture, "web"));
	/* its end is noticed as soon as it can be */
	no_watches = false;
	kill_leader(fixture);
	for (int i = 0; i < 10000 && !fixture->gone; i++) {
		ev_run(fixture->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(fixture->gone, 1);
	assert_int_equal(fixture->reason, REGISTRY_LEADER_GONE);
	assert_null(registry_by_name(&fixture->registry, "web"));
}

static void move_leader(struct ev_loop *loop, ev_check *check, int events)
{
	registry_leader_moved(check->data);
}

/* An upcall goes first and finds that it has moved, while it is pending that it cannot be watched. */
static void test_moved_unwatched(void **state)
{
	struct fixture *fixture = *state;
	ev_check check;

	no_watches = true;
	assert_int_equal(register_as(fixture, "web"), 0);
	ev_check_init(&check, move_leader);
	ev_set_priority(&check, EV_MAXPRI);
	check.data = registry_by_name(&fixture->registry, "web");
	ev_check_start(fixture->loop, &check);
	ev_run(fixture->loop, EVRUN_NOWAIT);
	ev_check_stop(fixture->loop, &check);
	no_watches = false;
	assert_int_equal(fixture->gone, 1);
	assert_null(registry_by_name(&fixture->registry, "web"));
}

/* Nothing that is ready buries a leader that lives where it was. */
static void test_ready_for_nothing(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(register_as(fixture, "web"), 0);
	watch_feed(&registry_by_name(&fixture->registry, "web")->leader_watch);
	ev_run(fixture->loop, EVRUN_NOWAIT);
	assert_int_equal(fixture->gone, 0);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
}

#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_register),
		fixed(test_kernel_refuses),
		fixed(test_bad_arguments),
		fixed(test_taken),
		fixed(test_filter),
		fixed(test_bad_filter),
		fixed(test_dead_leader),
		fixed(test_leader_dies_meanwhile),
		fixed(test_no_shim),
		fixed(test_unregister),
		fixed(test_leader_dies),
		fixed(test_tombstone_is_unregistered),
		fixed(test_ended_only),
		fixed(test_ended_in_part),
		fixed(test_ended_before),
		fixed(test_unwatched),
		fixed(test_moved_unwatched),
		fixed(test_ready_for_nothing),
		fixed(test_moved_leader),
		fixed(test_leader_moves_without_daemon),
		fixed(test_dead_leader_needs_nobody),
		fixed(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
