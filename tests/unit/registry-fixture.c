// SPDX-License-Identifier: GPL-2.0-or-later
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
#include "process.h"
#include "registry-fixture.h"

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

void start(struct fixture *fixture, int shim_fd)
{
	registry_init(&fixture->registry, fixture->loop, fixture->config, &fixture->watcher,
		      shim_fd, state_open(fixture->base));
}

void new_leader(struct fixture *fixture)
{
	fixture->child = fork();
	if (!fixture->child) {
		pause();
		_exit(0);
	}
	fixture->pidfd = pidfd_of((uint32_t)fixture->child);
}

int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fake_shim_reset();
	strcpy(fixture->base, "/tmp/upcall-registry-XXXXXX");
	assert_non_null(mkdtemp(fixture->base));
	fixture->loop = ev_loop_new(EVFLAG_AUTO);
	fixture->config = config_new();
	fixture->watcher = (struct registry_watcher){ gone, was_gone };
	new_leader(fixture);
	start(fixture, FAKE_SHIM_FD);
	*state = fixture;
	return 0;
}

void kill_leader(struct fixture *fixture)
{
	if (fixture->child <= 0)
		return;
	kill(fixture->child, SIGKILL);
	waitpid(fixture->child, NULL, 0);
	fixture->child = 0;
}

int teardown(void **state)
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

int register_as(struct fixture *fixture, const char *name)
{
	const struct registry_options options = { 0 };
	struct container *container;

	fixture->failure = FAILURE_NULL;
	return registry_register(&fixture->registry, name, fixture->pidfd, &options, &container,
				 &fixture->failure);
}

bool has_state(struct fixture *fixture, const char *name)
{
	return faccessat(fixture->registry.state_fd, name, F_OK, 0) == 0;
}

void restart(struct fixture *fixture)
{
	registry_close(&fixture->registry);
	start(fixture, FAKE_SHIM_FD);
	assert_int_equal(registry_restore(&fixture->registry), 0);
}

void write_state(struct fixture *fixture, const char *name, const char *text)
{
	int fd = openat(fixture->registry.state_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

struct fixture *crashing;

char intent[STATE_FILE_MAX];

void take_intent(void)
{
	int fd = openat(crashing->registry.state_fd, "web", O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, intent, sizeof(intent) - 1);

	intent[size < 0 ? 0 : size] = '\0';
	close(fd);
}

struct container *first_tombstone(struct fixture *fixture)
{
	assert_int_equal(fixture->registry.tombstones_count, 1);
	return list_entry(fixture->registry.tombstones.next, struct container, link);
}

/* Nothing of it runs anywhere, it is listed with a reason, and unregistering ends it. */
void assert_refused(struct fixture *fixture, const char *name)
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

void assert_unregisters(struct fixture *fixture, const char *name)
{
	assert_int_equal(registry_unregister(&fixture->registry, name, &fixture->failure), 0);
	assert_int_equal(fake_shim.containers_count, 0);
	assert_int_equal(fixture->registry.tombstones_count, 0);
	assert_false(has_state(fixture, name));
}
