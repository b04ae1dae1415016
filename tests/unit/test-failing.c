// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * memory, descriptors or the kernel fail the brain at its k-th call, for each k
 *
 * One scenario from the configuration to a restart, again and again in a child
 * process, each time with another call that fails; and with three in a row that
 * do. Each time: no crash, no leak (the sanitizers' build says so), no hang; what
 * was asked for is done or refused, and asked for again it is done; each upcall
 * is answered.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing.h"
#include "policy.h"
#include "process.h"
#include "queue-fixture.h"
#include "state.h"

#define UPCALLS 5
#define ROUNDS	2000
#define SECONDS 20

static const char policy_text[] = "[Match]\nName=web\n"
				  "[Core]\nHandler=/save\nMaxConcurrent=2\n"
				  "[Key user]\nMaxConcurrent=1\n"
				  "[Module]\nAllow=dummy\n";

struct world {
	struct fixture fixture;
	char base[40];
	char directory[64];
	pid_t leader;
	int pidfd;
};

/* In the child, whose standard error says which call it was. */
static _Noreturn void wrong(const char *what)
{
	failing_arm(false);
	fprintf(stderr, "test-failing: %s, after %s failed\n", what, failing_name());
	_exit(1);
}

static void must(bool holds, const char *what)
{
	if (!holds)
		wrong(what);
}

/* ------------------------------------------------------------------- world */

static void put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	fputs(text, file);
	fclose(file);
	chmod(path, 0644);
}

static void world_make(struct world *world)
{
	char path[128];

	memset(world, 0, sizeof(*world));
	strcpy(world->base, "/tmp/upcall-failing-XXXXXX");
	must(mkdtemp(world->base), "mkdtemp");
	snprintf(world->directory, sizeof(world->directory), "%s/upcalld.d", world->base);
	mkdir(world->directory, 0755);
	snprintf(path, sizeof(path), "%s/web.conf", world->directory);
	put_file(path, policy_text);
	snprintf(path, sizeof(path), "%s/web.conf.d", world->directory);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/web.conf.d/10.conf", world->directory);
	put_file(path, "[Key user]\nRuntimeMaxSec=7\n");
	world->leader = fork();
	if (!world->leader) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	world->pidfd = pidfd_of((uint32_t)world->leader);
	fixture_init(&world->fixture);
}

static void world_end(struct world *world)
{
	char command[80];

	fixture_end(&world->fixture);
	kill(world->leader, SIGKILL);
	waitpid(world->leader, NULL, 0);
	close(world->pidfd);
	fake_shim_reset();
	snprintf(command, sizeof(command), "rm -rf %s", world->base);
	must(system(command) == 0, "rm");
}

/* -------------------------------------------------------------- what is done */

static int load_config(struct world *world)
{
	char *const directories[] = { world->directory, NULL };
	char error[CONFIG_ERROR_SIZE];
	struct config *config;
	int ret = config_load(directories, /* keep_bad= */ false, &config, error);

	if (ret < 0)
		return ret;
	config_unref(world->fixture.config);
	world->fixture.config = config;
	return 0;
}

static int start_registry(struct world *world)
{
	int fd = state_open(world->base);

	if (fd < 0)
		return fd;
	fixture_registry(&world->fixture, fd);
	return 0;
}

/* One that cannot read back what was registered knows nobody, until the next one can. */
static int start_next(struct world *world)
{
	int ret = start_registry(world);

	if (ret < 0)
		return ret;
	ret = registry_restore(&world->fixture.registry);
	if (ret < 0)
		registry_close(&world->fixture.registry);
	return ret;
}

static int register_web(struct world *world)
{
	const struct registry_options options = { .runtime = "crun" };
	struct failure failure = FAILURE_NULL;
	struct container *container;
	int ret = registry_register(&world->fixture.registry, "web", world->pidfd, &options,
				    &container, &failure);

	must(ret >= 0 || (failure.name && *failure.text),
	     "a registration is refused with a reason");
	must(ret >= 0 || !registry_by_name(&world->fixture.registry, "web"),
	     "what is refused is not there");
	must(ret >= 0 || !fake_shim.containers_count, "nor is it in the kernel");
	return ret;
}

static int reload(struct world *world)
{
	int ret = load_config(world);

	if (ret >= 0)
		registry_set_config(&world->fixture.registry, world->fixture.config);
	return ret;
}

static int unregister_web(struct world *world)
{
	struct failure failure = FAILURE_NULL;

	return registry_unregister(&world->fixture.registry, "web", &failure);
}

/* Once it may fail for each call that does, then no more. */
static void insist(struct world *world, int (*operation)(struct world *), const char *what)
{
	int ret = operation(world);

	for (int i = 0; ret < 0 && i < 4; i++)
		ret = operation(world);
	must(ret >= 0, what);
}

/* ---------------------------------------------------------------- the upcalls */

static struct tags tags_of(uint64_t id)
{
	static const uint32_t classes[UPCALLS] = { UPCALL_CLASS_CORE, UPCALL_CLASS_KEY,
						   UPCALL_CLASS_KEY, UPCALL_CLASS_MODULE,
						   UPCALL_CLASS_CORE };
	struct tags tags = {
		.id = id,
		.class = classes[id % UPCALLS],
		.scope = UPCALL_SCOPE_CONTAINER,
		.container = UPCALL_CONTAINER_FIRST,
		.tgid = 4711,
		.comm = { "test", 4 },
	};

	tags.key.present = tags.class == UPCALL_CLASS_KEY;
	if (tags.key.present)
		tags.key.type = (struct tags_text){ "user", 4 };
	return tags;
}

/* The worker answers all that it has. True: it had something. */
static bool play_worker(struct world *world)
{
	struct worker_request request;
	struct worker_result result = { .protocol = WORKER_PROTOCOL, .outcome = WORKER_SERVED };
	struct fake_upcall *upcall;
	int fds[FAKE_LAUNCHER_FDS];
	int count = fake_launcher_take(&world->fixture.launcher, &request, fds);

	if (count < 0)
		return false;
	must(count == 2, "the worker is given an upcall and a leader");
	upcall = fake_upcall_find(request.id);
	must(upcall && upcall->end == FAKE_CLAIMED, "the worker is given what is claimed, once");
	upcall->end = FAKE_COMPLETED;
	close(fds[0]);
	close(fds[1]);
	result.id = request.id;
	(void)!send(world->fixture.launcher.worker, &result, sizeof(result), MSG_NOSIGNAL);
	return true;
}

/* As the kernel does: a claim that nobody holds any more is offered again, and the device says what
 * is. */
static void play_kernel(struct world *world)
{
	for (unsigned int i = 0; i < fake_shim.upcalls_count; i++) {
		struct fake_upcall *upcall = &fake_shim.upcalls[i];
		struct pollfd holder = { .fd = upcall->gone, .events = POLLIN };

		if (upcall->end == FAKE_CLAIMED && poll(&holder, 1, 0) == 1) {
			upcall->end = FAKE_OFFERED;
			upcall->tags.generation++;
		}
		if (upcall->end != FAKE_OFFERED)
			continue;
		failing_arm(true);
		if (!world->fixture.queue.client.knows(&world->fixture.queue.client,
						       upcall->tags.id, upcall->tags.generation))
			world->fixture.queue.client.offered(&world->fixture.queue.client,
							    &upcall->tags);
		failing_arm(false);
	}
}

static bool all_answered(void)
{
	for (unsigned int i = 0; i < fake_shim.upcalls_count; i++)
		if (fake_shim.upcalls[i].end == FAKE_OFFERED ||
		    fake_shim.upcalls[i].end == FAKE_CLAIMED)
			return false;
	return true;
}

static void serve(struct world *world)
{
	for (uint64_t id = 1; id <= UPCALLS; id++) {
		struct tags tags = tags_of(id);

		fake_upcall_add(&tags);
	}
	for (int round = 0; round < ROUNDS && !all_answered(); round++) {
		play_kernel(world);
		while (play_worker(world))
			;
		failing_arm(true);
		ev_run(world->fixture.loop, EVRUN_NOWAIT);
		failing_arm(false);
		if (round > 10)
			usleep(1000);
	}
	must(all_answered(), "each upcall is answered");
}

/* Everything once. */
static void play(void)
{
	struct world world;

	world_make(&world);
	failing_arm(true);
	insist(&world, load_config, "the configuration is read");
	insist(&world, start_registry, "the folder of states is opened");
	records_init(&world.fixture.records, world.fixture.loop);
	fixture_queue(&world.fixture);
	insist(&world, register_web, "it is registered");
	failing_arm(false);
	serve(&world);
	failing_arm(true);
	insist(&world, reload, "the configuration is read again");
	queue_close(&world.fixture.queue);
	registry_close(&world.fixture.registry);

	/* the next daemon; what it cannot read back, the kernel still has */
	fixture_queue(&world.fixture);
	insist(&world, start_next, "what was registered is read back");
	must(fake_shim.containers_count == 1, "the kernel still has it");
	insist(&world, unregister_web, "it is unregistered");
	failing_arm(false);
	must(fake_shim.containers_count == 0, "the kernel has it no more");
	queue_close(&world.fixture.queue);
	registry_close(&world.fixture.registry);
	records_stop(&world.fixture.records);
	world_end(&world);
}

/* ----------------------------------------------------------------- all of them */

/* Number of calls, or with `number` only 0; in a child process. Fails the test if the child does. */
static unsigned long play_in_child(unsigned long number, unsigned long more)
{
	unsigned long count = 0;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		alarm(SECONDS);
		failing_set(number, more);
		play();
		count = failing_count();
		(void)!write(ends[1], &count, sizeof(count));
		exit(0); /* so that what is left is found */
	}
	close(ends[1]);
	(void)!read(ends[0], &count, sizeof(count));
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("call %lu (and %lu more) fails: wait status %#x", number, more,
			 (unsigned int)status);
	return count;
}

static void test_each(void **state)
{
	unsigned long calls = play_in_child(0, 0);

	print_message("%lu calls\n", calls);
	assert_true(calls > 100);
	for (unsigned long number = 1; number <= calls; number++)
		play_in_child(number, 0);
}

static void test_three_in_a_row(void **state)
{
	unsigned long calls = play_in_child(0, 0);

	for (unsigned long number = 1; number <= calls; number++)
		play_in_child(number, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_three_in_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
