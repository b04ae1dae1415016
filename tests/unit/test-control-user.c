// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control socket: ordinary users, as upcalld-users hands them over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control-fixture.h"
#include "fake-shim.h"
#include "peer.h"

static int count_of(sd_bus *bus, const char *method)
{
	sd_bus_message *reply = NULL;
	int count = 0;

	assert_string_equal(call(bus, method, &reply, NULL), "");
	assert_true(sd_bus_message_enter_container(reply, 'a', "a{sv}") > 0);
	while (sd_bus_message_skip(reply, "a{sv}") > 0)
		count++;
	sd_bus_message_unref(reply);
	return count;
}

/* What a user sees and may do: his own, and what a policy with User= is for. */
static void test_user(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *root = connect_bus(fixture), *user, *other;
	sd_bus_message *reply = NULL;
	uint32_t pid = (uint32_t)getpid();

	if (geteuid() != 0)
		skip();
	put(fixture, "web.conf", "[Match]\nName=*\n[Key]\n");
	assert_string_equal(call(root, "Reload", NULL, NULL), "");
	user = connect_user(root, 1000);
	other = connect_user(root, 1002);
	assert_int_equal(sd_bus_can_send(user, SD_BUS_TYPE_UNIX_FD), 0);
	/* no policy is for users */
	assert_string_equal(call(user, "RegisterProcess", NULL, "sua{sv}", "web", pid, 0),
			    "Denied");
	assert_int_equal(count_of(root, "List"), 0);
	put(fixture, "users.conf", "[Match]\nUser=1000\n[Key]\n");
	assert_string_equal(call(root, "Reload", NULL, NULL), "");
	assert_string_equal(call(other, "RegisterProcess", NULL, "sua{sv}", "web", pid, 0),
			    "Denied");
	assert_string_equal(call(user, "RegisterProcess", NULL, "sua{sv}", "web", 0, 0),
			    "BadArgument");
	assert_string_equal(call(user, "RegisterProcess", NULL, "sua{sv}", "web", INT32_MAX, 0),
			    "NoSuchProcess");
	assert_string_equal(call(user, "RegisterProcess", NULL, "sua{sv}", "web", pid, 1, "cgroup",
				 "s", "/init.scope"),
			    "NoSuchCgroup");
	assert_string_equal(call(user, "RegisterProcess", NULL, "sua{sv}", "web", pid, 1, "runtime",
				 "s", "adopted"),
			    "BadArgument");
	assert_string_equal(call(user, "RegisterProcess", &reply, "sua{sv}", "web", pid, 0), "");
	assert_string_equal(text_in(reply, "name"), "1000-web");
	assert_int_equal(u32_in(reply, "uid"), 1000);
	assert_non_null(strstr(text_in(reply, "policy"), "/users.conf"));
	sd_bus_message_unref(reply);
	/* its, and nobody else's but root's */
	assert_int_equal(count_of(user, "List"), 1);
	assert_int_equal(count_of(other, "List"), 0);
	assert_int_equal(count_of(root, "List"), 1);
	assert_int_equal(count_of(user, "ListPending"), 0);
	assert_string_equal(call(user, "Describe", NULL, "s", "web"), "");
	assert_string_equal(call(user, "Describe", NULL, "s", "1000-web"), "");
	assert_string_equal(call(other, "Describe", NULL, "s", "1000-web"), "NoSuchContainer");
	assert_string_equal(call(other, "Unregister", NULL, "s", "1000-web"), "NoSuchContainer");
	assert_string_equal(call(other, "UnregisterEnded", NULL, "s", "web"), "NoSuchContainer");
	assert_string_equal(call(user, "Reload", NULL, NULL), "Denied");
	assert_string_equal(call(user, "Cancel", NULL, "t", (uint64_t)7), "Denied");
	assert_string_equal(call(user, "ExplainUpcall", NULL, "t", (uint64_t)7), "Denied");
	assert_string_equal(call(user, "Monitor", NULL, NULL), "Denied");
	assert_string_equal(call(user, "Unregister", NULL, "s", "web"), "");
	assert_int_equal(count_of(root, "List"), 0);
	/* nor does root's that is called so */
	assert_string_equal(call(root, "Register", NULL, "sha{sv}", "1000-web", fixture->pidfd, 0),
			    "");
	assert_int_equal(count_of(user, "List"), 0);
	assert_string_equal(call(user, "Unregister", NULL, "s", "web"), "NoSuchContainer");
	assert_string_equal(call(user, "RegisterProcess", NULL, "sua{sv}", "web", pid, 0),
			    "NameTaken");
	assert_string_equal(call(root, "Unregister", NULL, "s", "1000-web"), "");
	/* without the policy it is over */
	assert_string_equal(call(user, "RegisterProcess", NULL, "sua{sv}", "web", pid, 0), "");
	put(fixture, "users.conf", "[Match]\nUser=1002\n[Key]\n");
	assert_string_equal(call(root, "Reload", NULL, NULL), "");
	assert_int_equal(count_of(root, "List"), 0);
	sd_bus_close_unref(other);
	sd_bus_close_unref(user);
	sd_bus_close_unref(root);
}

/* The kernel says whose a process is. */
static void test_user_of_nothing(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *root = connect_bus(fixture), *user;

	if (geteuid() != 0)
		skip();
	put(fixture, "users.conf", "[Match]\nUser=*\n[Key]\n");
	assert_string_equal(call(root, "Reload", NULL, NULL), "");
	user = connect_user(root, FAKE_SHIM_OWNER_OF_NOTHING);
	assert_string_equal(call(user, "RegisterProcess", NULL, "sua{sv}", "web",
				 (uint32_t)getpid(), 0),
			    "Denied");
	assert_int_equal(count_of(root, "List"), 0);
	sd_bus_close_unref(user);
	/* and nobody is root by it, or who is nobody that is known */
	assert_string_equal(call(root, "Relay", NULL, "uh", 0, fixture->pidfd), "BadArgument");
	assert_string_equal(call(root, "Relay", NULL, "uh", PEER_NOBODY, fixture->pidfd),
			    "BadArgument");
	assert_string_equal(call(root, "Relay", NULL, "uh", 1000, fixture->pidfd), "BadArgument");
	sd_bus_close_unref(root);
}

/* A module that cannot say it: of an installation that has been upgraded since it was loaded. */
static void test_old_module(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *root, *user;

	if (geteuid() != 0)
		skip();
	put(fixture, "users.conf", "[Match]\nUser=*\n[Key]\n");
	stop_daemon(fixture);
	fixture->old_module = true;
	start_daemon(fixture, true);
	root = connect_bus(fixture);
	user = connect_user(root, 1000);
	assert_string_equal(call(user, "RegisterProcess", NULL, "sua{sv}", "web",
				 (uint32_t)getpid(), 0),
			    "NoShim");
	assert_int_equal(count_of(root, "List"), 0);
	/* root's are none of its business */
	assert_string_equal(call(root, "Register", NULL, "sha{sv}", "web", fixture->pidfd, 0), "");
	sd_bus_close_unref(user);
	sd_bus_close_unref(root);
}

/* A call of an object whose path is as long as a message may be, which takes sd-bus half a second. */
static void test_endless_path(void **state)
{
	static char path[60001];
	struct fixture *fixture = *state;
	sd_bus *root = connect_bus(fixture), *user;
	sd_bus_message *message;

	if (geteuid() != 0)
		skip();
	user = connect_user(root, 1000);
	for (size_t i = 0; i + 1 < sizeof(path); i += 2)
		memcpy(path + i, "/a", 2);
	assert_true(sd_bus_message_new_method_call(user, &message, NULL, path,
						   "org.upcalld.Manager1", "List") >= 0);
	/* not even an answer */
	assert_int_equal(sd_bus_call(user, message, 5000000, NULL, NULL), -ECONNRESET);
	sd_bus_message_unref(message);
	sd_bus_close_unref(user);
	/* his next one is as welcome as any, and what there is to look at is shown */
	user = connect_user(root, 1000);
	assert_true(sd_bus_call_method(user, NULL, "/", "org.freedesktop.DBus.Introspectable",
				       "Introspect", NULL, NULL, NULL) >= 0);
	assert_string_equal(call(user, "Status", NULL, NULL), "");
	sd_bus_close_unref(user);
	sd_bus_close_unref(root);
}

static void test_endless_labels(void **state)
{
	struct fixture *fixture = *state;
	sd_bus *root = connect_bus(fixture);
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *message;

	if (geteuid() != 0)
		skip();
	assert_true(sd_bus_message_new_method_call(root, &message, NULL, "/org/upcalld",
						   "org.upcalld.Manager1", "Register") >= 0);
	assert_true(sd_bus_message_append(message, "sh", "web", fixture->pidfd) >= 0);
	assert_true(sd_bus_message_open_container(message, 'a', "{sv}") >= 0);
	assert_true(sd_bus_message_open_container(message, 'e', "sv") >= 0);
	assert_true(sd_bus_message_append(message, "s", "labels") >= 0);
	assert_true(sd_bus_message_open_container(message, 'v', "as") >= 0);
	assert_true(sd_bus_message_open_container(message, 'a', "s") >= 0);
	for (int i = 0; i < 30000; i++)
		assert_true(sd_bus_message_append(message, "s", "") >= 0);
	for (int i = 0; i < 4; i++)
		assert_true(sd_bus_message_close_container(message) >= 0);
	assert_true(sd_bus_call(root, message, 5000000, &error, NULL) < 0);
	assert_string_equal(error.message, "more than 16 labels");
	sd_bus_error_free(&error);
	sd_bus_message_unref(message);
	sd_bus_close_unref(root);
}

#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_user),	  fixed(test_user_of_nothing), fixed(test_old_module),
		fixed(test_endless_path), fixed(test_endless_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
