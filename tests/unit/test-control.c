// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control socket: containers, and what bad callers do. Who is not root is a
 * further child that has changed its uid.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

#include "control-fixture.h"
#include "own-leader.h"
#include "process.h"

#define OBJECT	  "/org/upcalld"
#define INTERFACE "org.upcalld.Manager1"

/* ------------------------------------------------------------------- tests */

static bool warns(sd_bus_message *reply, const char *what)
{
	const char *warning;
	bool found = false;

	assert_true(sd_bus_message_rewind(reply, true) >= 0);
	assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
	assert_true(find_key(reply, "warnings"));
	assert_true(sd_bus_message_enter_container(reply, 'v', "as") > 0);
	assert_true(sd_bus_message_enter_container(reply, 'a', "s") > 0);
	while (sd_bus_message_read(reply, "s", &warning) > 0)
		found |= strstr(warning, what) != NULL;
	return found;
}

static void test_life(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);
	sd_bus_message *reply = NULL;

	put(fixture, "web.conf", "[Match]\nName=web\n[Key]\n");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "");
	assert_string_equal(call(bus, "Register", &reply, "sha{sv}", "web", fixture->pidfd, 2,
				 "runtime", "s", "test", "labels", "as", 2, "a=b", "c"),
			    "");
	assert_string_equal(text_in(reply, "name"), "web");
	assert_string_equal(text_in(reply, "state"), "live");
	assert_string_equal(text_in(reply, "runtime"), "test");
	assert_non_null(strstr(text_in(reply, "policy"), "/web.conf"));
	sd_bus_message_unref(reply);
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 0),
			    "NameTaken");
	assert_string_equal(call(bus, "UnregisterEnded", NULL, "s", "web"), "Busy");
	assert_string_equal(call(bus, "Unregister", NULL, "s", "web"), "");
	assert_string_equal(call(bus, "Unregister", NULL, "s", "web"), "NoSuchContainer");
	assert_string_equal(call(bus, "UnregisterEnded", NULL, "s", "web"), "NoSuchContainer");
	sd_bus_close_unref(bus);
}

static void test_seccomp_filter(void **state)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);
	const uint8_t *byte = (const uint8_t *)&allow;
	sd_bus_message *reply = NULL;

	put(fixture, "web.conf", "[Match]\nName=web\n[Key]\n");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "");
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 1,
				 "seccomp-filter", "ay", 3, 1, 2, 3),
			    "BadArgument");
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 1,
				 "seccomp-filter", "ay", 0),
			    "BadArgument");
	assert_string_equal(call(bus, "Register", &reply, "sha{sv}", "web", fixture->pidfd, 1,
				 "seccomp-filter", "ay", 8, byte[0], byte[1], byte[2], byte[3],
				 byte[4], byte[5], byte[6], byte[7]),
			    "");
	assert_int_equal(u32_in(reply, "seccomp-filter"), 1);
	sd_bus_message_unref(reply);
	assert_string_equal(call(bus, "Unregister", NULL, "s", "web"), "");
	sd_bus_close_unref(bus);
}

static void test_bad_calls(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);

	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", STDIN_FILENO, 0),
			    "BadArgument");
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "WEB", fixture->pidfd, 0),
			    "BadName");
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 1,
				 "colour", "s", "x"),
			    "BadArgument");
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 1,
				 "cgroup", "s", "/x/y"),
			    "NoSuchCgroup");
	assert_string_not_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 1,
				     "cgroup", "u", 1),
				"");
	assert_string_not_equal(call(bus, "Register", NULL, "s", "web"), "");
	assert_string_equal(call(bus, "Nonsense", NULL, NULL), "UnknownMethod");
	assert_string_equal(call(bus, "Status", NULL, NULL), "");
	sd_bus_close_unref(bus);
}

static uint64_t config_read(sd_bus *bus)
{
	sd_bus_message *reply = NULL;
	uint64_t value;

	assert_string_equal(call(bus, "Status", &reply, NULL), "");
	assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
	assert_true(find_key(reply, "config-read"));
	assert_true(sd_bus_message_read(reply, "v", "t", &value) > 0);
	sd_bus_message_unref(reply);
	return value;
}

/* One that is refused leaves the time of those that are in force. */
static void test_config_read(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);
	uint64_t first = config_read(bus), second;

	assert_true(first > 0);
	put(fixture, "web.conf", "[Match]\nName=web\n");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "");
	second = config_read(bus);
	assert_true(second > first);
	put(fixture, "web.conf", "[Nope]\n");
	assert_string_not_equal(call(bus, "Reload", NULL, NULL), "");
	assert_int_equal(config_read(bus), second);
	sd_bus_close_unref(bus);
}

/* A path may hold any bytes, and sd-bus takes UTF-8 only: one container must not cost the list. */
static void test_no_utf8(void **state)
{
	struct fixture *fixture = *state;
	struct container *container = container_new("web");
	sd_bus *bus = connect_bus(fixture);
	sd_bus_message *message;
	char path[512];

	container->cgroup = strdup("c\xff/d");
	assert_true(sd_bus_message_new_method_call(bus, &message, NULL, OBJECT, INTERFACE,
						   "List") >= 0);
	assert_true(control_append_container(message, container) >= 0);
	assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
	assert_string_equal(text_in(message, "cgroup"), "c\\xff/d");
	sd_bus_message_unref(message);
	container_free(container);
	/* what is quoted in an error is cut, also within a character */
	memset(path, 'a', sizeof(path));
	strcpy(path + 255, "\xc3\xbc");
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 1,
				 "cgroup", "s", path),
			    "NoSuchCgroup");
	put(fixture,
	    "b\xff"
	    "d.conf",
	    "[Nonsense]\n");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "BadArgument");
	assert_string_equal(call(bus, "Status", NULL, NULL), "");
	sd_bus_close_unref(bus);
}

static void test_reload(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);
	sd_bus_message *reply = NULL;

	put(fixture, "web.conf", "[Match]\nName=web\n[Nonsense]\n");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "BadArgument");
	assert_string_equal(call(bus, "Status", &reply, NULL), "");
	assert_non_null(strstr(text_in(reply, "config-error"), "web.conf:3: unknown section"));
	sd_bus_message_unref(reply);
	put(fixture, "web.conf", "[Match]\nName=web\n");
	kill(fixture->daemon, SIGHUP);
	for (int i = 0;; i++) {
		bool done;

		reply = NULL;
		assert_string_equal(call(bus, "Status", &reply, NULL), "");
		done = !strcmp(text_in(reply, "config-error"), "");
		sd_bus_message_unref(reply);
		if (done)
			break;
		assert_true(i < 20000);
		usleep(1000);
	}
	sd_bus_close_unref(bus);
}

/* ------------------------------------------------------------ upcalld.conf */

static void assert_own_error(sd_bus *bus, const char *what)
{
	sd_bus_message *reply = NULL;

	assert_string_equal(call(bus, "Status", &reply, NULL), "");
	assert_non_null(strstr(text_in(reply, "config-error"), what));
	sd_bus_message_unref(reply);
}

/* All or nothing: also the policies stay as they were. */
static void test_own_settings_reloaded(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);
	uint64_t before = config_read(bus);

	put(fixture, "../upcalld.conf", "[Daemon]\nIdleExitSec=soon\n");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "BadArgument");
	assert_own_error(bus, "/upcalld.conf:2: IdleExitSec=soon: no number from 0 to 86400");
	assert_int_equal(config_read(bus), before);
	put(fixture, "../upcalld.conf", "[Daemon]\nIdleExitSec=7\n");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "");
	assert_own_error(bus, "");
	assert_true(config_read(bus) > before);
	sd_bus_close_unref(bus);
}

/* A typo in it stops nobody from being served. */
static void test_own_settings_bad_at_start(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus;

	stop_daemon(fixture);
	put(fixture, "../upcalld.conf", "[Daemon]\nIdleExitSec=1\nRequireShim=maybe\n");
	start_daemon(fixture, true);
	bus = connect_bus(fixture);
	assert_own_error(bus, "/upcalld.conf:3: RequireShim=maybe: neither yes nor no");
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 0), "");
	/* what keeps containers from being served is told first */
	stop_daemon(fixture);
	sd_bus_close_unref(bus);
	put(fixture, "web.conf", "[Nope]\n");
	start_daemon(fixture, true);
	bus = connect_bus(fixture);
	assert_own_error(bus, "/web.conf:1: unknown section [Nope]");
	sd_bus_close_unref(bus);
}

static bool ends(const struct fixture *fixture, int seconds)
{
	siginfo_t info = { 0 };

	for (int i = 0; i < seconds * 100; i++) {
		assert_int_equal(waitid(P_PID, (id_t)fixture->daemon, &info,
					WEXITED | WNOHANG | WNOWAIT),
				 0);
		if (info.si_pid)
			return true;
		usleep(10000);
	}
	return false;
}

static void reload_idle(struct fixture *fixture, const char *value)
{
	sd_bus *bus = connect_bus(fixture);
	char text[64];

	(void)snprintf(text, sizeof(text), "[Daemon]\nIdleExitSec=%s\n", value);
	put(fixture, "../upcalld.conf", text);
	assert_string_equal(call(bus, "Reload", NULL, NULL), "");
	sd_bus_close_unref(bus);
}

static void test_own_idleness(void **state)
{
	struct fixture *fixture = *state;

	reload_idle(fixture, "1");
	reload_idle(fixture, "0");
	assert_false(ends(fixture, 3));
	reload_idle(fixture, "1");
	assert_true(ends(fixture, 60));
}

/* --idle-seconds wins. */
static void test_idleness_of_the_command_line(void **state)
{
	struct fixture *fixture = *state;

	stop_daemon(fixture);
	fixture->stays = true;
	start_daemon(fixture, true);
	reload_idle(fixture, "1");
	assert_false(ends(fixture, 3));
}

static void test_without_shim(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);
	sd_bus_message *reply = NULL;

	assert_string_equal(call(bus, "Status", &reply, NULL), "");
	assert_non_null(strstr(text_in(reply, "shim-error"), "modprobe upcall_shim"));
	sd_bus_message_unref(reply);
	put(fixture, "../upcalld.conf", "[Daemon]\nRequireShim=yes\n");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "");
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 0),
			    "NoShim");
	assert_string_equal(call(bus, "List", NULL, NULL), "");
	assert_string_equal(call(bus, "ListPending", NULL, NULL), "NoShim");
	sd_bus_close_unref(bus);
}

/* It is taken, and says that nothing comes of it yet; the next daemon has it, too. */
static void test_register_without_shim(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);
	sd_bus_message *reply = NULL;
	pid_t leader = own_leader();
	int pidfd = leader < 0 ? -1 : pidfd_of((uint32_t)leader);

	if (leader < 0) {
		sd_bus_close_unref(bus);
		skip();
	}
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", pidfd, 0), "NoShim");
	put(fixture, "../upcalld.conf", "[Daemon]\nRequireShim=no\n");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "");
	assert_string_equal(call(bus, "Register", &reply, "sha{sv}", "web", pidfd, 0), "");
	assert_string_equal(text_in(reply, "state"), "waiting");
	assert_true(warns(reply, "the module is not loaded: nothing"));
	sd_bus_message_unref(reply);
	assert_string_equal(call(bus, "Status", &reply, NULL), "");
	assert_true(warns(reply, "1 containers wait for the module"));
	sd_bus_message_unref(reply);
	assert_string_equal(call(bus, "Visit", NULL, "shub", "web", pidfd, 60, false), "NoShim");
	assert_string_equal(call(bus, "Reload", NULL, NULL), "");
	sd_bus_close_unref(bus);
	stop_daemon(fixture);
	start_daemon(fixture, false);
	bus = connect_bus(fixture);
	assert_string_equal(call(bus, "Describe", NULL, "s", "web"), "");
	assert_string_equal(call(bus, "Unregister", NULL, "s", "web"), "");
	assert_string_equal(call(bus, "Describe", NULL, "s", "web"), "NoSuchContainer");
	sd_bus_close_unref(bus);
	close(pidfd);
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
}

/* Once the administrator has given the socket to others. */
static void as_nobody(struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sd_bus *bus;

	strcpy(address.sun_path, fixture->socket_path);
	if (seteuid(65534) < 0)
		_exit(2);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno != EACCES)
		_exit(3);
	if (seteuid(0) < 0 || chmod(fixture->socket_path, 0666) < 0 ||
	    setresuid(65534, 65534, 65534) < 0)
		_exit(2);
	bus = connect_bus(fixture);
	if (strcmp(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 0), "Denied") ||
	    strcmp(call(bus, "Unregister", NULL, "s", "web"), "Denied") ||
	    strcmp(call(bus, "UnregisterEnded", NULL, "s", "web"), "Denied") ||
	    strcmp(call(bus, "List", NULL, NULL), "Denied") ||
	    strcmp(call(bus, "Reload", NULL, NULL), "Denied") ||
	    strcmp(call(bus, "ListPending", NULL, NULL), "Denied") ||
	    strcmp(call(bus, "Describe", NULL, "s", "web"), "Denied") ||
	    strcmp(call(bus, "ExplainProcess", NULL, "h", fixture->pidfd), "Denied") ||
	    strcmp(call(bus, "ExplainUpcall", NULL, "t", (uint64_t)7), "Denied") ||
	    strcmp(call(bus, "Monitor", NULL, NULL), "Denied") ||
	    strcmp(call(bus, "Cancel", NULL, "t", (uint64_t)7), "Denied") ||
	    strcmp(call(bus, "Visit", NULL, "shub", "web", fixture->pidfd, 60, false), "Denied") ||
	    strcmp(call(bus, "Status", NULL, NULL), ""))
		_exit(1);
	_exit(0);
}

static void test_not_root(void **state)
{
	struct fixture *fixture = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (!pid)
		as_nobody(fixture);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void as_root_elsewhere(struct fixture *fixture)
{
	sd_bus *bus = connect_bus(fixture);

	if (strcmp(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 0), "Denied") ||
	    strcmp(call(bus, "List", NULL, NULL), "Denied") ||
	    strcmp(call(bus, "Status", NULL, NULL), ""))
		_exit(1);
	_exit(0);
}

/* Root of a container that somebody gave the socket to, with a user namespace of its own or
 * without. */
static void test_other_root(void **state)
{
	static const int flags[] = { CLONE_NEWPID, CLONE_NEWUSER };
	struct fixture *fixture = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fixture->socket_path, 0666), 0);
	for (size_t i = 0; i < 2; i++) {
		fflush(NULL);
		pid = fork();
		if (!pid) {
			char map[] = "0 0 1";
			int fd;

			if (unshare(flags[i]) < 0)
				_exit(77);
			fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
			if (flags[i] == CLONE_NEWUSER && write(fd, map, 5) != 5)
				_exit(77);
			pid = fork();
			if (!pid)
				as_root_elsewhere(fixture);
			waitpid(pid, &status, 0);
			_exit(WEXITSTATUS(status));
		}
		waitpid(pid, &status, 0);
		if (WEXITSTATUS(status) != 77)
			assert_int_equal(status, 0);
	}
}

/* True if the daemon closes the connection within the time. */
static bool is_closed(int fd, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&poll_fd, 1, ms) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

static void test_too_many(void **state)
{
	struct fixture *fixture = *state;
	int most = geteuid() == 0 ? CONTROL_MAX : CONTROL_MAX_USER;
	int fds[CONTROL_MAX + 1];
	sd_bus *bus;

	for (int i = 0; i <= most; i++)
		fds[i] = connect_raw(fixture);
	assert_true(is_closed(fds[most], 2000));
	assert_false(is_closed(fds[0], 0));
	/* room for a bus, and for the last of these that the daemon does not know to be closed yet */
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	for (int i = 0;; i++) {
		int fd = connect_raw(fixture);
		bool closed = is_closed(fd, 20);

		close(fd);
		if (!closed)
			break;
		assert_true(i < 1000);
	}
	bus = connect_bus(fixture);
	assert_string_equal(call(bus, "Status", NULL, NULL), "");
	sd_bus_close_unref(bus);
	for (int i = 3; i <= most; i++)
		close(fds[i]);
}

/* The head of a message of 100 MiB, and then its bytes: nobody keeps them for us. */
static void test_endless_message(void **state)
{
	static const char hello[] = "\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";
	const uint32_t head[4] = { 0x0100016c, 100 << 20, 1, 0 };
	struct fixture *fixture = *state;
	static char zeros[65536];
	size_t sent = 0;
	int fd;

	if (geteuid() != 0)
		skip();
	fd = connect_raw(fixture);
	assert_int_equal(write(fd, hello, sizeof(hello) - 1), sizeof(hello) - 1);
	assert_int_equal(write(fd, head, sizeof(head)), sizeof(head));
	for (int i = 0; i < 2000; i++) {
		ssize_t size = send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (size < 0 && errno != EAGAIN)
			break;
		if (size > 0)
			sent += (size_t)size;
		else
			usleep(1000);
	}
	assert_true(sent < 4 * 1024 * 1024);
	close(fd);
}

/* Messages that are never whole, each byte with as many fds as the kernel lets through. */
static void test_endless_fds(void **state)
{
	static const char hello[] = "\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";
	const uint32_t head[4] = { 0x0100016c, 100000, 1, 64 };
	struct fixture *fixture = *state;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(253 * sizeof(int))];
	} control = { 0 };
	char answer[256], byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
	int fd, fds[253];

	if (geteuid() != 0)
		skip();
	for (int i = 0; i < 253; i++)
		fds[i] = fixture->pidfd;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	fd = connect_raw(fixture);
	assert_int_equal(write(fd, hello, sizeof(hello) - 1), sizeof(hello) - 1);
	assert_true(read(fd, answer, sizeof(answer)) > 0);
	assert_int_equal(write(fd, head, sizeof(head)), sizeof(head));
	/* closed with what it had not read: a reset comes before what it said */
	for (int i = 0; sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
			errno == EAGAIN || errno == ETOOMANYREFS;
	     i++) {
		assert_true(i < 20000);
		usleep(1000);
	}
	assert_true(send(fd, &byte, 1, MSG_NOSIGNAL) < 0);
	close(fd);
}

/* Garbage ends that connection only. */
static void test_garbage(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);

	srand(1);
	for (int round = 0; round < 50; round++) {
		int fd = connect_raw(fixture);
		char bytes[512];

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)rand();
		(void)!send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
		close(fd);
	}
	assert_string_equal(call(bus, "Status", NULL, NULL), "");
	sd_bus_close_unref(bus);
}

/* Questions without end, and no answer is read. */
static void test_answers_unread(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture), *other;
	sd_bus_message *message;
	int ret = 0;

	assert_string_equal(call(bus, "Status", NULL, NULL), "");
	for (int i = 0; i < 20000 && ret >= 0; i++) {
		assert_true(sd_bus_message_new_method_call(bus, &message, NULL, OBJECT, INTERFACE,
							   "Status") >= 0);
		ret = sd_bus_send(bus, message, NULL);
		sd_bus_message_unref(message);
	}
	other = connect_bus(fixture);
	assert_string_equal(call(other, "Status", NULL, NULL), "");
	sd_bus_close_unref(other);
	sd_bus_close_unref(bus);
}

static void test_second_daemon(void **state)
{
	struct fixture *fixture = *state, second = *fixture;
	int status;

	second.daemon = fork();
	if (!second.daemon) {
		(void)!freopen("/dev/null", "w", stderr);
		run_daemon(&second, true);
	}
	waitpid(second.daemon, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 1);
	/* and the first one is not harmed */
	assert_true(is_up(fixture));
}

/* The registered containers are there after a restart. */
static void test_restart(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = connect_bus(fixture);
	char path[128];

	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 0), "");
	sd_bus_close_unref(bus);
	stop_daemon(fixture);
	snprintf(path, sizeof(path), "%s/containers/web", fixture->base);
	assert_int_equal(access(path, F_OK), 0);
	start_daemon(fixture, true);
}

#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_life),
		fixed(test_bad_calls),
		fixed(test_no_utf8),
		fixed(test_reload),
		fixed(test_config_read),
		fixed(test_own_settings_reloaded),
		fixed(test_own_settings_bad_at_start),
		fixed(test_own_idleness),
		fixed(test_idleness_of_the_command_line),
		cmocka_unit_test_setup_teardown(test_without_shim, setup_without_shim, teardown),
		cmocka_unit_test_setup_teardown(test_register_without_shim, setup_without_shim,
						teardown),
		cmocka_unit_test_setup_teardown(test_seccomp_filter, setup, teardown),
		fixed(test_not_root),
		fixed(test_other_root),
		fixed(test_too_many),
		fixed(test_endless_message),
		fixed(test_endless_fds),
		fixed(test_garbage),
		fixed(test_answers_unread),
		fixed(test_second_daemon),
		fixed(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
