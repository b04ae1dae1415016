// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control socket: questions about upcalls.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "control-fixture.h"
#include "monitor.h"

static const char web_conf[] = "[Match]\nName=web\n"
			       "[Key user]\nHandler=/usr/libexec/answer\nMaxConcurrent=1\n";

static sd_bus *registered_web(struct fixture *fixture)
{
	sd_bus *bus = connect_bus(fixture);

	put(fixture, "web.conf", web_conf);
	assert_string_equal(call(bus, "Reload", NULL, NULL), "");
	assert_string_equal(call(bus, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 0), "");
	return bus;
}

/* What the variant holds, as text; "" for a key that is not there. Leaves the dictionary. */
static void read_value(sd_bus_message *message, const char *key, char *out, size_t room)
{
	const char *text;
	uint64_t number;
	uint32_t small;

	out[0] = '\0';
	if (!find_key(message, key))
		return;
	if (sd_bus_message_read(message, "v", "s", &text) > 0)
		snprintf(out, room, "%s", text);
	else if (sd_bus_message_read(message, "v", "t", &number) > 0)
		snprintf(out, room, "%llu", (unsigned long long)number);
	else if (sd_bus_message_read(message, "v", "u", &small) > 0)
		snprintf(out, room, "%u", small);
}

/* The value of `key` in dictionary `index` of an aa{sv}. */
static const char *value_at(sd_bus_message *message, unsigned int index, const char *key)
{
	static char value[256];

	assert_true(sd_bus_message_rewind(message, true) >= 0);
	assert_true(sd_bus_message_enter_container(message, 'a', "a{sv}") > 0);
	while (index--)
		assert_true(sd_bus_message_skip(message, "a{sv}") >= 0);
	if (sd_bus_message_enter_container(message, 'a', "{sv}") <= 0)
		return "";
	read_value(message, key, value, sizeof(value));
	return value;
}

/* One is with the worker, one waits for the quota; texts of others are escaped. */
static void test_pending(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = registered_web(fixture);
	sd_bus_message *reply = NULL;

	assert_string_equal(call(bus, "ListPending", &reply, NULL), "");
	assert_string_equal(value_at(reply, 0, "id"), "");
	reply = sd_bus_message_unref(reply);
	offer(fixture);
	offer(fixture);
	assert_string_equal(call(bus, "ListPending", &reply, NULL), "");
	assert_string_equal(value_at(reply, 0, "id"), "7");
	assert_string_equal(value_at(reply, 0, "class"), "key");
	assert_string_equal(value_at(reply, 0, "key-type"), "user");
	assert_string_equal(value_at(reply, 0, "container"), "web");
	assert_string_equal(value_at(reply, 0, "state"), "claimed");
	assert_string_equal(value_at(reply, 0, "handler"), "/usr/libexec/answer");
	assert_string_equal(value_at(reply, 0, "run-in"), "container");
	assert_string_equal(value_at(reply, 0, "waits-for"), "");
	assert_string_equal(value_at(reply, 0, "requester"), "4711");
	assert_string_equal(value_at(reply, 0, "comm"), "a\\xff\\x09b");
	assert_string_equal(value_at(reply, 0, "age"), "5000");
	assert_string_equal(value_at(reply, 0, "left"), "7000");
	assert_string_equal(value_at(reply, 1, "id"), "8");
	assert_string_equal(value_at(reply, 1, "state"), "offered");
	assert_string_equal(value_at(reply, 1, "waits-for"), "quota");
	assert_string_equal(value_at(reply, 2, "id"), "");
	sd_bus_message_unref(reply);
	sd_bus_close_unref(bus);
}

/* More than one turn of the kernel's list. */
static void test_pending_many(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = registered_web(fixture);
	sd_bus_message *reply = NULL;

	crowd(fixture);
	assert_string_equal(call(bus, "ListPending", &reply, NULL), "");
	assert_string_equal(value_at(reply, 0, "id"), "1000");
	assert_string_equal(value_at(reply, CROWD - 1, "id"), "1199");
	assert_string_equal(value_at(reply, CROWD - 1, "container"), "web");
	assert_string_equal(value_at(reply, CROWD - 1, "handler"), "");
	assert_string_equal(value_at(reply, CROWD - 1, "key-type"), "user");
	sd_bus_message_unref(reply);
	sd_bus_close_unref(bus);
}

/* One that waits goes at once, one that its worker has is no longer the kernel's. */
static void test_cancel(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = registered_web(fixture);
	sd_bus_message *reply = NULL;

	offer(fixture);
	offer(fixture);
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)0), "NoSuchUpcall");
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)9), "NoSuchUpcall");
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)6), "HasEnded");
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)8), "");
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)8), "HasEnded");
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)7), "");
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)7), "HasEnded");
	assert_string_equal(call(bus, "Cancel", NULL, "u", 7), "InvalidArgs");
	assert_string_equal(call(bus, "ListPending", &reply, NULL), "");
	assert_string_equal(value_at(reply, 0, "id"), "");
	sd_bus_message_unref(reply);
	sd_bus_close_unref(bus);
}

static void test_describe(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = registered_web(fixture);
	sd_bus_message *reply = NULL;

	assert_string_equal(call(bus, "Describe", NULL, "s", "other"), "NoSuchContainer");
	assert_string_equal(call(bus, "Describe", &reply, "s", "web"), "");
	assert_string_equal(text_in(reply, "name"), "web");
	assert_string_equal(text_in(reply, "worker"), "none");
	reply = sd_bus_message_unref(reply);
	offer(fixture);
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)FIRST_UPCALL), "");
	assert_string_equal(call(bus, "Describe", &reply, "s", "web"), "");
	assert_string_equal(text_in(reply, "worker"), "connected");
	sd_bus_message_unref(reply);
	sd_bus_close_unref(bus);
}

/* The fake kernel says of every process that it is the host's. */
static void test_explain_process(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = registered_web(fixture);
	sd_bus_message *reply = NULL;

	assert_string_equal(call(bus, "ExplainProcess", NULL, "h", STDIN_FILENO), "BadArgument");
	assert_string_equal(call(bus, "ExplainProcess", &reply, "h", fixture->pidfd), "");
	assert_string_equal(text_in(reply, "scope"), "host");
	assert_string_equal(text_in(reply, "container"), "");
	reply = sd_bus_message_unref(reply);
	kill(fixture->leader, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)fixture->leader, NULL, WEXITED | WNOWAIT), 0);
	assert_string_equal(call(bus, "ExplainProcess", NULL, "h", fixture->pidfd),
			    "NoSuchProcess");
	sd_bus_close_unref(bus);
}

static void test_explain_upcall(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = registered_web(fixture);
	sd_bus_message *reply = NULL;

	offer(fixture);
	offer(fixture);
	assert_string_equal(call(bus, "ExplainUpcall", &reply, "t", (uint64_t)8), "");
	assert_string_equal(text_in(reply, "result"), "pending");
	assert_string_equal(text_in(reply, "section"), "[Key user]");
	assert_non_null(strstr(text_in(reply, "policy"), "/web.conf"));
	reply = sd_bus_message_unref(reply);
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)8), "");
	assert_string_equal(call(bus, "ExplainUpcall", &reply, "t", (uint64_t)8), "");
	assert_string_equal(text_in(reply, "result"), "refused");
	assert_string_equal(text_in(reply, "reason"), "cancelled");
	assert_string_equal(text_in(reply, "section"), "[Key user]");
	assert_string_equal(text_in(reply, "comm"), "a\\xff\\x09b");
	sd_bus_message_unref(reply);
	assert_string_equal(call(bus, "ExplainUpcall", NULL, "t", (uint64_t)6), "HasEnded");
	assert_string_equal(call(bus, "ExplainUpcall", NULL, "t", (uint64_t)9), "NoSuchUpcall");
	assert_string_equal(call(bus, "ExplainUpcall", NULL, "t", (uint64_t)0), "NoSuchUpcall");
	sd_bus_close_unref(bus);
}

/* The next signal, which has to be this one. */
static sd_bus_message *next_signal(sd_bus *bus, const char *member)
{
	sd_bus_message *signal = NULL;

	for (int i = 0; i < 100 && !signal; i++) {
		int ret = sd_bus_process(bus, &signal);

		assert_true(ret >= 0);
		if (ret == 0)
			assert_true(sd_bus_wait(bus, 100000) >= 0);
	}
	assert_non_null(signal);
	assert_string_equal(sd_bus_message_get_member(signal), member);
	return signal;
}

static void test_monitor(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = registered_web(fixture), *monitor = connect_bus(fixture);
	sd_bus_message *signal;

	assert_string_equal(call(monitor, "Monitor", NULL, NULL), "");
	assert_string_equal(call(monitor, "Monitor", NULL, NULL), "");
	offer(fixture);
	signal = next_signal(monitor, "UpcallOffered");
	assert_string_equal(text_in(signal, "container"), "web");
	assert_string_equal(text_in(signal, "key-type"), "user");
	sd_bus_message_unref(signal);
	offer(fixture);
	sd_bus_message_unref(next_signal(monitor, "UpcallOffered"));
	assert_string_equal(call(bus, "Cancel", NULL, "t", (uint64_t)8), "");
	signal = next_signal(monitor, "UpcallEnded");
	assert_string_equal(text_in(signal, "result"), "refused");
	assert_string_equal(text_in(signal, "reason"), "cancelled");
	sd_bus_message_unref(signal);
	sd_bus_close_unref(monitor);
	sd_bus_close_unref(bus);
}

static void test_too_many_monitors(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *monitors[MONITOR_MAX + 1];

	for (int i = 0; i <= MONITOR_MAX; i++) {
		monitors[i] = connect_bus(fixture);
		assert_string_equal(call(monitors[i], "Monitor", NULL, NULL),
				    i < MONITOR_MAX ? "" : "LimitReached");
	}
	for (int i = 0; i <= MONITOR_MAX; i++)
		sd_bus_close_unref(monitors[i]);
}

/* It reads nothing: the daemon goes on, and says so as the last thing. */
static void test_slow_monitor(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = registered_web(fixture), *monitor = connect_bus(fixture);
	sd_bus_message *signal = NULL;
	unsigned int signals = 0;
	bool dropped = false;

	assert_string_equal(call(monitor, "Monitor", NULL, NULL), "");
	flood(fixture);
	assert_string_equal(call(bus, "Status", NULL, NULL), "");
	while (!dropped) {
		int ret = sd_bus_process(monitor, &signal);

		assert_true(ret >= 0);
		if (ret == 0)
			assert_true(sd_bus_wait(monitor, 5000000) > 0);
		if (!signal)
			continue;
		signals++;
		dropped = !strcmp(sd_bus_message_get_member(signal), "MonitorDropped");
		signal = sd_bus_message_unref(signal);
	}
	/* the queue, what the socket holds, and the word that it is dropped */
	assert_true(signals > MONITOR_UNREAD_MAX && signals < 4 * MONITOR_UNREAD_MAX);
	sd_bus_close_unref(monitor);
	sd_bus_close_unref(bus);
}

/* It is answered when the worker has it, and holds nothing of it then. */
static void test_visit(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *bus = registered_web(fixture);
	int channel[2];
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
	assert_string_equal(call(bus, "Visit", NULL, "shub", "nobody", channel[1], 60, false),
			    "NoSuchContainer");
	assert_string_equal(call(bus, "Visit", NULL, "shub", "web", channel[1], 0, false),
			    "BadArgument");
	assert_string_equal(call(bus, "Visit", NULL, "shub", "web", channel[1], 86401, false),
			    "BadArgument");
	assert_string_equal(call(bus, "Visit", NULL, "shu", "web", channel[1], 60), "InvalidArgs");
	assert_string_equal(call(bus, "Visit", NULL, "shub", "web", channel[1], 60, false), "");
	assert_string_equal(call(bus, "Visit", NULL, "shub", "web", channel[1], 60, true), "");
	close(channel[1]);
	/* the worker of this test reads, and what comes with that is closed: nobody else has it */
	assert_int_equal(poll(&(struct pollfd){ .fd = channel[0], .events = POLLIN }, 1, 30000), 1);
	assert_int_equal(recv(channel[0], &byte, 1, MSG_DONTWAIT), 0);
	close(channel[0]);
	sd_bus_close_unref(bus);
}

#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_pending),	    fixed(test_pending_many), fixed(test_cancel),
		fixed(test_visit),	    fixed(test_describe),     fixed(test_explain_process),
		fixed(test_explain_upcall), fixed(test_monitor),      fixed(test_too_many_monitors),
		fixed(test_slow_monitor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
