// SPDX-License-Identifier: GPL-2.0-or-later
/* Registering, the death of leaders, and what a restart makes of all that. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-shim.h"
#include "no-watches.h"
#include "own-leader.h"
#include "process.h"
#include "registry.h"
#include "state.h"

struct fixture {
	struct ev_loop *loop;
	struct config *config;
	struct registry_watcher watcher;
	struct registry registry;
	struct failure failure;
	char base[32];
	pid_t child; /* plays the leader */
	int pidfd;
	unsigned int gone, was_gone;
	enum registry_reason reason;
};

static void gone(struct registry_watcher *watcher, struct container *container,
		 enum registry_reason reason)
{
	struct fixture *fixture = container_of(watcher, struct fixture, watcher);

	fixture->gone++;
	fixture->reason = reason;
}

static void was_gone(struct registry_watcher *watcher, const char *name)
{
	container_of(watcher, struct fixture, watcher)->was_gone++;
}

static void start(struct fixture *fixture, int shim_fd)
{
	registry_init(&fixture->registry, fixture->loop, fixture->config, &fixture->watcher,
		      shim_fd, state_open(fixture->base));
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fake_shim_reset();
	strcpy(fixture->base, "/tmp/upcall-registry-XXXXXX");
	assert_non_null(mkdtemp(fixture->base));
	fixture->loop = ev_loop_new(EVFLAG_AUTO);
	fixture->config = config_new();
	fixture->watcher = (struct registry_watcher){ gone, was_gone };
	fixture->child = fork();
	if (!fixture->child) {
		pause();
		_exit(0);
	}
	fixture->pidfd = pidfd_of((uint32_t)fixture->child);
	start(fixture, FAKE_SHIM_FD);
	*state = fixture;
	return 0;
}

static void kill_leader(struct fixture *fixture)
{
	if (fixture->child <= 0)
		return;
	kill(fixture->child, SIGKILL);
	waitpid(fixture->child, NULL, 0);
	fixture->child = 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[64];

	registry_close(&fixture->registry);
	kill_leader(fixture);
	close(fixture->pidfd);
	config_unref(fixture->config);
	ev_loop_destroy(fixture->loop);
	sprintf(command, "rm -rf %s", fixture->base);
	assert_int_equal(system(command), 0);
	free(fixture);
	return 0;
}

static int register_as(struct fixture *fixture, const char *name)
{
	const struct registry_options options = { 0 };
	struct container *container;

	fixture->failure = FAILURE_NULL;
	return registry_register(&fixture->registry, name, fixture->pidfd, &options, &container,
				 &fixture->failure);
}

static bool has_state(struct fixture *fixture, const char *name)
{
	return faccessat(fixture->registry.state_fd, name, F_OK, 0) == 0;
}

static void restart(struct fixture *fixture)
{
	registry_close(&fixture->registry);
	start(fixture, FAKE_SHIM_FD);
	assert_int_equal(registry_restore(&fixture->registry), 0);
}

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

static void write_state(struct fixture *fixture, const char *name, const char *text)
{
	int fd = openat(fixture->registry.state_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static struct fixture *crashing;

static char intent[STATE_FILE_MAX];

static void take_intent(void)
{
	int fd = openat(crashing->registry.state_fd, "web", O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, intent, sizeof(intent) - 1);

	intent[size < 0 ? 0 : size] = '\0';
	close(fd);
}

/* ------------------------------------------------------- without the module */

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
		const struct upcall_container *kernel = &fake_shim.containers[0];

		go_without(fixture);
		assert_int_equal(register_as(fixture, "web"), 0);
		if (i) /* it has been in a table before */
			restart(fixture);
		fake_shim.containers_count = 0;
		restart_without(fixture);
		assert_waits(fixture);
		fake_shim.process.ns[UPCALL_NS_MNT]++;
		restart(fixture);
		assert_null(registry_by_name(&fixture->registry, "web"));
		assert_int_equal(fixture->registry.tombstones_count, 1);
		assert_int_equal(fake_shim.containers_count, 1);
		for (size_t class = 0; class < UPCALL_CLASS_COUNT; class ++)
			assert_int_equal(kernel->policy.verdict[class], UPCALL_VERDICT_DENY);
		assert_int_equal(registry_unregister(&fixture->registry, "web", &fixture->failure),
				 0);
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

static struct container *first_tombstone(struct fixture *fixture)
{
	assert_int_equal(fixture->registry.tombstones_count, 1);
	return list_entry(fixture->registry.tombstones.next, struct container, link);
}

/* Nothing of it runs anywhere, it is listed with a reason, and unregistering ends it. */
static void assert_refused(struct fixture *fixture, const char *name)
{
	struct container *tombstone = first_tombstone(fixture);

	assert_null(registry_by_name(&fixture->registry, name));
	assert_string_equal(tombstone->name, name);
	assert_non_null(tombstone->refused);
	assert_int_equal(fake_shim.containers_count, 1);
	assert_string_equal(fake_shim.containers[0].name, name);
	assert_int_equal(fake_shim.containers[0].policy.key_rules, 0);
	for (int i = 0; i < UPCALL_CLASS_COUNT; i++)
		assert_int_equal(fake_shim.containers[0].policy.verdict[i], UPCALL_VERDICT_DENY);
}

static void assert_unregisters(struct fixture *fixture, const char *name)
{
	assert_int_equal(registry_unregister(&fixture->registry, name, &fixture->failure), 0);
	assert_int_equal(fake_shim.containers_count, 0);
	assert_int_equal(fixture->registry.tombstones_count, 0);
	assert_false(has_state(fixture, name));
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

/* ------------------------------------------------------------------ restart */

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
		fixed(test_dead_leader),
		fixed(test_leader_dies_meanwhile),
		fixed(test_no_shim),
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
		fixed(test_unregister),
		fixed(test_leader_dies),
		fixed(test_tombstone_is_unregistered),
		fixed(test_unwatched),
		fixed(test_moved_unwatched),
		fixed(test_ready_for_nothing),
		fixed(test_moved_leader),
		fixed(test_leader_moves_without_daemon),
		fixed(test_dead_leader_needs_nobody),
		fixed(test_restart),
		fixed(test_restart_with_reloaded_module),
		fixed(test_restart_after_death),
		fixed(test_restart_with_another_process),
		fixed(test_restart_with_corrupt_file),
		fixed(test_restart_without_state),
		fixed(test_restart_with_shortage),
		fixed(test_restart_without_the_table),
		fixed(test_restart_believes_the_kernel),
		fixed(test_restart_with_unknown_entries),
		fixed(test_state_before_kernel),
		fixed(test_crash_before_add),
		fixed(test_crash_after_add),
		fixed(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
