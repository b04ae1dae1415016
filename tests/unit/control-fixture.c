// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control-fixture.h"
#include "fake-shim.h"
#include "process.h"

#define OBJECT	  "/org/upcalld"
#define INTERFACE "org.upcalld.Manager1"

/* ------------------------------------------------------------------ daemon */

/* One that waits until it is told to end, and answers nothing. */
static void write_worker(const struct fixture *fixture)
{
	FILE *file = fopen(fixture->worker, "w");

	fputs("#!/bin/sh\nexec cat <&3 >/dev/null\n", file);
	fclose(file);
	assert_int_equal(chmod(fixture->worker, 0755), 0);
}

static struct daemon *the_daemon;

/* Told to the test when the daemon has done what a signal asked for, and has nothing else to do. */
static int idle_fds[2] = { -1, -1 };
static ev_idle on_idle;

static void idle_tell(struct ev_loop *loop, ev_idle *watcher, int events)
{
	ev_idle_stop(loop, watcher);
	if (write(idle_fds[1], "", 1) != 1)
		abort();
}

/* The daemon does what `number` stands for. */
static void ask(const struct fixture *fixture, int number)
{
	struct pollfd idle = { .fd = idle_fds[0], .events = POLLIN };
	char byte;

	assert_int_equal(kill(fixture->daemon, number), 0);
	assert_int_equal(poll(&idle, 1, 60000), 1);
	assert_int_equal(read(idle_fds[0], &byte, 1), 1);
}

/* The kernel offers what fixture_tags() says, each time in the next id. */
static void on_offer(struct ev_loop *loop, ev_signal *watcher, int events)
{
	static uint64_t id = FIRST_UPCALL;
	struct tags tags = fixture_tags(id++);

	fake_upcall_add(&tags);
	the_daemon->queue.client.offered(&the_daemon->queue.client, &tags);
	ev_idle_start(loop, &on_idle);
}

/* The kernel has some that nobody told us of. */
static void on_crowd(struct ev_loop *loop, ev_signal *watcher, int events)
{
	for (uint64_t id = 0; id < CROWD; id++) {
		struct tags tags = fixture_tags(CROWD_FIRST + id);

		fake_upcall_add(&tags);
	}
	ev_idle_start(loop, &on_idle);
}

static void on_flood(struct ev_loop *loop, ev_signal *watcher, int events)
{
	const struct facts facts = { .id = 1 };
	const struct record record = { .facts = &facts, .container = "web" };

	for (int i = 0; i < FLOOD; i++)
		record_send(&the_daemon->records, &record);
	ev_idle_start(loop, &on_idle);
}

struct tags fixture_tags(uint64_t id)
{
	struct tags tags = {
		.id = id,
		.class = UPCALL_CLASS_KEY,
		.scope = UPCALL_SCOPE_CONTAINER,
		.container = UPCALL_CONTAINER_FIRST,
		.tgid = 4711,
		.comm = { "a\xff\tb", 4 },
	};

	tags.key.present = true;
	tags.key.type = (struct tags_text){ "user", 4 };
	return tags;
}

void offer(const struct fixture *fixture)
{
	ask(fixture, SIGUSR1);
}

void flood(const struct fixture *fixture)
{
	ask(fixture, SIGWINCH);
}

void crowd(const struct fixture *fixture)
{
	ask(fixture, SIGUSR2);
}

void run_daemon(struct fixture *fixture, bool with_shim)
{
	char *directories[] = { fixture->config, NULL }, *own[] = { fixture->base, NULL };
	const struct options options = {
		.standalone = true,
		.config_dirs = directories,
		.daemon_dirs = own,
		.idle_given = fixture->stays,
		.state_dir = fixture->base,
		.worker_path = fixture->worker,
	};
	char error[DAEMON_ERROR_SIZE];
	struct daemon *daemon;
	ev_signal on_usr1, on_usr2, on_winch;

	fake_shim_reset();
	if (daemon_new(&options, &daemon, error) < 0) {
		fprintf(stderr, "%s\n", error);
		_exit(1);
	}
	if (with_shim) {
		daemon->shim_fd = daemon->registry.shim_fd = daemon->queue.shim_fd = FAKE_SHIM_FD;
		daemon->registry.no_module = false;
		*daemon->shim_error = '\0';
		daemon->shim.features = fixture->old_module ? 0 : UPCALL_FEATURE_OWNERS;
	}
	the_daemon = daemon;
	ev_idle_init(&on_idle, idle_tell);
	ev_signal_init(&on_usr1, on_offer, SIGUSR1);
	ev_signal_start(daemon->loop, &on_usr1);
	ev_signal_init(&on_usr2, on_crowd, SIGUSR2);
	ev_signal_start(daemon->loop, &on_usr2);
	ev_signal_init(&on_winch, on_flood, SIGWINCH);
	ev_signal_start(daemon->loop, &on_winch);
	daemon_run(daemon);
	ev_signal_stop(daemon->loop, &on_winch);
	ev_signal_stop(daemon->loop, &on_usr2);
	ev_signal_stop(daemon->loop, &on_usr1);
	daemon_free(daemon);
	fake_shim_reset();
	exit(0); /* so that what is left is found */
}

bool is_up(const struct fixture *fixture)
{
	return access(fixture->socket_path, F_OK) == 0;
}

/* There is a moment in which the socket is there and nobody listens. */
static bool listens(const struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;

	strcpy(address.sun_path, fixture->socket_path);
	ret = connect(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return ret == 0;
}

void start_daemon(struct fixture *fixture, bool with_shim)
{
	fflush(NULL);
	if (idle_fds[0] < 0)
		assert_int_equal(pipe2(idle_fds, O_CLOEXEC), 0);
	fixture->daemon = fork();
	if (!fixture->daemon) {
		/* a test that fails leaves nobody behind */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		run_daemon(fixture, with_shim);
	}
	for (int i = 0; i < 60000 && !listens(fixture); i++)
		usleep(1000);
}

void stop_daemon(struct fixture *fixture)
{
	int status = -1;

	kill(fixture->daemon, SIGTERM);
	waitpid(fixture->daemon, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* it takes its socket away */
	assert_false(is_up(fixture));
}

static int make(void **state, bool with_shim)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	strcpy(fixture->base, "/tmp/upcall-control-XXXXXX");
	assert_non_null(mkdtemp(fixture->base));
	assert_int_equal(chmod(fixture->base, 0755), 0);
	sprintf(fixture->socket_path, "%s/control", fixture->base);
	sprintf(fixture->config, "%s/upcalld.d", fixture->base);
	assert_int_equal(mkdir(fixture->config, 0755), 0);
	sprintf(fixture->worker, "%s/worker", fixture->base);
	write_worker(fixture);
	fixture->leader = fork();
	if (!fixture->leader) {
		pause();
		_exit(0);
	}
	fixture->pidfd = pidfd_of((uint32_t)fixture->leader);
	start_daemon(fixture, with_shim);
	*state = fixture;
	return 0;
}

int setup(void **state)
{
	return make(state, true);
}

int setup_without_shim(void **state)
{
	return make(state, false);
}

int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[64];

	stop_daemon(fixture);
	kill(fixture->leader, SIGKILL);
	waitpid(fixture->leader, NULL, 0);
	close(fixture->pidfd);
	sprintf(command, "rm -rf %s", fixture->base);
	assert_int_equal(system(command), 0);
	free(fixture);
	return 0;
}

/* ------------------------------------------------------------------ client */

int connect_raw(const struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, fixture->socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static sd_bus *bus_on(int fd)
{
	sd_bus *bus;

	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_fd(bus, fd, fd) >= 0);
	assert_true(sd_bus_negotiate_fds(bus, true) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	return bus;
}

sd_bus *connect_bus(const struct fixture *fixture)
{
	return bus_on(connect_raw(fixture));
}

sd_bus *connect_user(sd_bus *root, uint32_t uid)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
			 0);
	assert_string_equal(call(root, "Relay", NULL, "uh", uid, ends[1]), "");
	close(ends[1]);
	return bus_on(ends[0]);
}

const char *call(sd_bus *bus, const char *method, sd_bus_message **reply, const char *types, ...)
{
	static char name[128];
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *message;
	va_list args;
	int ret;

	assert_true(sd_bus_message_new_method_call(bus, &message, NULL, OBJECT, INTERFACE,
						   method) >= 0);
	va_start(args, types);
	if (types)
		assert_true(sd_bus_message_appendv(message, types, args) >= 0);
	va_end(args);
	ret = sd_bus_call(bus, message, 5000000, &error, reply);
	sd_bus_message_unref(message);
	snprintf(name, sizeof(name), "%s", ret >= 0 ? "" : strrchr(error.name, '.') + 1);
	if (ret < 0 && (!error.message || strlen(error.message) < 5))
		fail_msg("%s says nothing", name);
	sd_bus_error_free(&error);
	return name;
}

bool find_key(sd_bus_message *message, const char *key)
{
	const char *found;

	while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(message, "s", &found) >= 0);
		if (!strcmp(found, key))
			return true;
		sd_bus_message_skip(message, "v");
		sd_bus_message_exit_container(message);
	}
	return false;
}

const char *text_in(sd_bus_message *message, const char *key)
{
	const char *value = NULL;

	assert_true(sd_bus_message_rewind(message, true) >= 0);
	assert_true(sd_bus_message_enter_container(message, 'a', "{sv}") > 0);
	assert_true(find_key(message, key));
	assert_true(sd_bus_message_read(message, "v", "s", &value) > 0);
	return value;
}

uint32_t u32_in(sd_bus_message *message, const char *key)
{
	uint32_t value = 0;

	assert_true(sd_bus_message_rewind(message, true) >= 0);
	assert_true(sd_bus_message_enter_container(message, 'a', "{sv}") > 0);
	assert_true(find_key(message, key));
	assert_true(sd_bus_message_read(message, "v", "u", &value) > 0);
	return value;
}

void put(const struct fixture *fixture, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", fixture->config, name);
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, 0644), 0);
}
