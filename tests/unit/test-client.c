// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libupcall and upcallctl against a daemon that answers what the test says.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-daemon.h"
#include "libupcall-container.h"
#include "libupcall.h"

static struct upcall_connection *connect_ok(void)
{
	struct upcall_connection *connection;

	assert_int_equal(upcall_connect(&connection), 0);
	return connection;
}

static void test_register_sends_everything(void **state)
{
	const char *const labels[] = { "a", "b", NULL };
	const struct upcall_register_options options = { .cgroup = "/machine.slice/web",
							 .runtime = "crun",
							 .labels = labels,
							 .seccomp_filter = "two of themthere",
							 .seccomp_filter_size = 16 };
	struct fake_daemon fake = { .new_keys = true };
	struct upcall_connection *connection;
	struct upcall_entry *entry;
	int pidfd = pidfd_open(getpid(), 0);

	fake_daemon_start(&fake);
	connection = connect_ok();
	assert_int_equal(upcall_register(connection, "web", pidfd, &options, &entry), 0);

	assert_string_equal(entry->name, "web");
	assert_int_equal(entry->leader, 4711);
	assert_string_equal(entry->cgroup, "/machine.slice/web");
	assert_string_equal(entry->runtime, "crun");
	assert_string_equal(entry->labels[1], "b");
	assert_null(entry->labels[2]);
	assert_int_equal(entry->seccomp_filter, 2);
	assert_string_equal(entry->policy, ""); /* not sent: never NULL */
	assert_string_equal(entry->namespaces[1].type, "mnt");
	assert_int_equal(entry->namespaces[1].inode, 4026531998u);
	assert_null(entry->namespaces[2].type);
	assert_null(entry->warnings[0]);

	upcall_entry_free(entry);
	upcall_close(connection);
	fake_daemon_stop(&fake);
	close(pidfd);
}

static void test_register_without_options(void **state)
{
	struct fake_daemon fake = { 0 };
	struct upcall_connection *connection;
	int pidfd = pidfd_open(getpid(), 0);

	fake_daemon_start(&fake);
	connection = connect_ok();
	assert_int_equal(upcall_register(connection, "web", pidfd, NULL, NULL), 0);
	upcall_close(connection);
	fake_daemon_stop(&fake);
	close(pidfd);
}

static void test_reserved_options_are_refused(void **state)
{
	struct upcall_register_options options = { .reserved = { [2] = &options } };
	struct fake_daemon fake = { 0 };
	struct upcall_connection *connection;
	int pidfd = pidfd_open(getpid(), 0);

	fake_daemon_start(&fake);
	connection = connect_ok();
	assert_int_equal(upcall_register(connection, "web", pidfd, &options, NULL), -EINVAL);
	options = (struct upcall_register_options){ .seccomp_filter = "8 bytes." };
	assert_int_equal(upcall_register(connection, "web", pidfd, &options, NULL), -EINVAL);
	options = (struct upcall_register_options){ .seccomp_filter_size = 8 };
	assert_int_equal(upcall_register(connection, "web", pidfd, &options, NULL), -EINVAL);
	upcall_close(connection);
	fake_daemon_stop(&fake);
	close(pidfd);
}

static void test_list(void **state)
{
	const unsigned int counts[] = { 0, 1, 1000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct fake_daemon fake = { .containers = counts[i] };
		struct upcall_connection *connection;
		struct upcall_entry **entries;
		unsigned int count = 0;

		fake_daemon_start(&fake);
		connection = connect_ok();
		assert_int_equal(upcall_list(connection, &entries), 0);
		while (entries[count])
			count++;
		assert_int_equal(count, counts[i]);
		if (count)
			assert_true(entries[count - 1]->served == UINT64_MAX);
		upcall_list_free(entries);
		upcall_close(connection);
		fake_daemon_stop(&fake);
	}
}

static void test_status(void **state)
{
	struct fake_daemon fake = { .new_keys = true };
	struct upcall_connection *connection;
	struct upcall_daemon *daemon;

	fake_daemon_start(&fake);
	connection = connect_ok();
	assert_int_equal(upcall_status(connection, &daemon), 0);
	assert_string_equal(daemon->version, "9.9");
	assert_true(daemon->shim);
	assert_string_equal(daemon->warnings[1], "second");
	assert_string_equal(daemon->config_error, "");
	upcall_daemon_free(daemon);
	assert_int_equal(upcall_reload(connection), 0);
	upcall_close(connection);
	fake_daemon_stop(&fake);
}

static void test_wrong_types_are_refused(void **state)
{
	struct fake_daemon fake = { .wrong_types = true, .containers = 3 };
	struct upcall_connection *connection;
	struct upcall_entry **entries = NULL;

	fake_daemon_start(&fake);
	connection = connect_ok();
	assert_int_equal(upcall_list(connection, &entries), -EBADMSG);
	assert_null(entries);
	assert_non_null(strstr(upcall_error(connection, -EBADMSG), "answer"));
	upcall_close(connection);
	fake_daemon_stop(&fake);
}

static void test_no_daemon(void **state)
{
	struct upcall_connection *connection;
	struct upcall_entry **entries;

	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
	assert_int_equal(upcall_connect(&connection), -ENOTCONN);
	assert_string_equal(upcall_error(connection, -ENOTCONN),
			    "cannot connect to /nonexistent/control: No such file or directory");
	assert_int_equal(upcall_list(connection, &entries), -ENOTCONN);
	assert_null(upcall_close(connection));
	assert_null(upcall_close(NULL));
	unsetenv("UPCALLD_SOCKET");
}

/* The socket is root's; who is not is told so, and not that there is no daemon. */
static void test_not_root(void **state)
{
	struct fake_daemon fake = { 0 };
	struct upcall_connection *connection;
	char expected[160];
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	fake_daemon_start(&fake);
	snprintf(expected, sizeof(expected), "permission denied: %s is root's", fake.socket);
	pid = fork();
	if (!pid) {
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		if (upcall_connect(&connection) != -EPERM ||
		    strcmp(upcall_error(connection, -EPERM), expected))
			_exit(1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	fake_daemon_stop(&fake);
}

static void test_daemon_hangs_up(void **state)
{
	struct fake_daemon fake = { .hang_up = true };
	struct upcall_connection *connection;

	fake_daemon_start(&fake);
	if (upcall_connect(&connection) == 0)
		assert_int_equal(upcall_reload(connection), -ENOTCONN);
	upcall_close(connection);
	fake_daemon_stop(&fake);
}

/* Runs upcallctl; `output` gets stdout and stderr. Returns the exit status. */
static int run_ctl(const char *arguments, char *output, size_t size)
{
	char command[512];
	size_t length;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "%s %s 2>&1", UPCALLCTL, arguments);
	pipe = popen(command, "r"); /* lint: a test's own fixed command */
	assert_non_null(pipe);
	length = fread(output, 1, size - 1, pipe);
	output[length] = '\0';
	status = pclose(pipe);
	assert_true(WIFEXITED(status));
	print_message("%s", output);
	return WEXITSTATUS(status);
}

static const struct {
	const char *name;
	int error;
	int status;
} errors[] = {
	{ .name = "org.upcalld.Error.BadName", .error = -EINVAL, .status = 1 },
	{ .name = "org.upcalld.Error.NameTaken", .error = -EEXIST, .status = 8 },
	{ .name = "org.upcalld.Error.NoSuchContainer", .error = -ENOENT, .status = 3 },
	{ .name = "org.upcalld.Error.NoSuchProcess", .error = -ESRCH, .status = 3 },
	{ .name = "org.upcalld.Error.NotAContainer", .error = -ENXIO, .status = 9 },
	{ .name = "org.upcalld.Error.KernelThread", .error = -ENOEXEC, .status = 10 },
	{ .name = "org.upcalld.Error.NeedsCgroup", .error = -ENOTUNIQ, .status = 1 },
	{ .name = "org.upcalld.Error.NoSuchCgroup", .error = -ENOENT, .status = 3 },
	{ .name = "org.upcalld.Error.NoShim", .error = -ENODEV, .status = 6 },
	{ .name = "org.upcalld.Error.Denied", .error = -EPERM, .status = 4 },
	{ .name = "org.upcalld.Error.LimitReached", .error = -EDQUOT, .status = 1 },
	{ .name = "org.upcalld.Error.BadArgument", .error = -EINVAL, .status = 1 },
	{ .name = "org.upcalld.Error.NoSuchUpcall", .error = -ENOENT, .status = 3 },
	{ .name = "org.upcalld.Error.HasEnded", .error = -EALREADY, .status = 7 },
	{ .name = "org.upcalld.Error.Busy", .error = -EBUSY, .status = 1 },
	{ .name = "org.upcalld.Error.Failed", .error = -EIO, .status = 1 },
};

static void test_errors(void **state)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct fake_daemon fake = { .error_name = errors[i].name,
					    .error_text = "web: because" };
		struct upcall_connection *connection;
		char output[256];

		fake_daemon_start(&fake);
		connection = connect_ok();
		assert_int_equal(upcall_unregister(connection, "web"), errors[i].error);
		assert_string_equal(upcall_error(connection, errors[i].error), "web: because");
		upcall_close(connection);
		assert_int_equal(run_ctl("unregister web", output, sizeof(output)),
				 errors[i].status);
		assert_string_equal(output, "upcallctl: unregister web: web: because\n");
		fake_daemon_stop(&fake);
	}
}

static const struct {
	const char *arguments;
	int status;
	const char *says; /* somewhere in the output */
} runs[] = {
	{ .arguments = "", .status = 2, .says = "usage:" },
	{ .arguments = "--help", .status = 0, .says = "exit status: 0 done" },
	{ .arguments = "--version", .status = 0, .says = "upcallctl " },
	{ .arguments = "lst", .status = 2, .says = "upcallctl: lst: no such verb" },
	{ .arguments = "register", .status = 2, .says = "no NAME given" },
	{ .arguments = "register a b --pid 1", .status = 2, .says = "one NAME only" },
	{ .arguments = "register web 429",
	  .status = 2,
	  .says = "429: a process is named by --pid 429; see" },
	{ .arguments = "register web db", .status = 2, .says = "one NAME only" },
	{ .arguments = "register web", .status = 2, .says = "web: no --pid given" },
	{ .arguments = "register web --ns net=/x",
	  .status = 2,
	  .says = "web: --ns: not without --cgroup" },
	{ .arguments = "register web --ns net=/x --cgroup /web --pid 1",
	  .status = 2,
	  .says = "web: --pid or --ns, not both" },
	{ .arguments = "register web --ns net=/x --ns net=/y --cgroup /web",
	  .status = 2,
	  .says = "--ns net=/y: another one of that type" },
	{ .arguments = "register web --ns nett=/x",
	  .status = 2,
	  .says = "--ns nett=/x: not TYPE=PATH" },
	{ .arguments = "register web --ns net", .status = 2, .says = "--ns net: not TYPE=PATH" },
	{ .arguments = "register web --ns net=", .status = 2, .says = "--ns net=: not TYPE=PATH" },
	{ .arguments = "register Web --ns net=/x --cgroup /web",
	  .status = 2,
	  .says = "'Web' is no name for a container" },
	{ .arguments = "register web --ns net=/nonexistent --cgroup /web",
	  .status = 1,
	  .says = "upcallctl: register web: --ns /nonexistent: No such file" },
	{ .arguments = "register web --ns net=/dev/null --cgroup /web",
	  .status = 1,
	  .says = "--ns /dev/null: no namespace" },
	{ .arguments = "register web --ns net=/proc/self/ns/uts --cgroup /web",
	  .status = 1,
	  .says = "--ns /proc/self/ns/uts: no namespace of that type" },
	{ .arguments = "register web --ns user=/proc/self/ns/user --cgroup /web",
	  .status = 1,
	  .says = "--ns /proc/self/ns/user: that is your own" },
	{ .arguments = "register web --pid", .status = 2, .says = "--pid needs a value" },
	{ .arguments = "register web --pid 1x", .status = 2, .says = "--pid 1x" },
	{ .arguments = "register web --pd 1", .status = 2, .says = "--pd" },
	{ .arguments = "register web --pid 2147483647",
	  .status = 3,
	  .says = "upcallctl: register web: pid 2147483647: No such process\n" },
	{ .arguments = "register web --pid $$ --label x --cgroup /c",
	  .status = 0,
	  .says = "registered web: leader 4711, cgroup /c, no policy" },
	{ .arguments = "register web --pid $$ --json", .status = 0, .says = "\"leader\": 4711" },
	{ .arguments = "register web --pid $$ --seccomp-filter /nonexistent",
	  .status = 3,
	  .says = "upcallctl: register --seccomp-filter /nonexistent: No such file" },
	{ .arguments = "register web --pid $$ --seccomp-filter /dev/null",
	  .status = 1,
	  .says = "--seccomp-filter /dev/null: No data available" },
	{ .arguments = "register web --pid $$ --json --seccomp-filter /proc/self/auxv",
	  .status = 0,
	  .says = "\"seccomp-filter\": " },
	{ .arguments = "register --help", .status = 0, .says = "example: upcallctl register" },
	{ .arguments = "run -- /bin/true", .status = 125, .says = "no --name given" },
	{ .arguments = "run --name web", .status = 125, .says = "web: no program given" },
	{ .arguments = "run --name web --map 1000 true",
	  .status = 125,
	  .says = "--map: not without --new-user" },
	{ .arguments = "run --name web --new-user --map 0 true",
	  .status = 125,
	  .says = "--map 0: not an id from 1 to 4294901759" },
	{ .arguments = "run --name web --new true", .status = 125, .says = "--new: no such option" },
	{ .arguments = "run --name 'a b' true",
	  .status = 125,
	  .says = "run a b: it cannot be made: Invalid argument" },
	{ .arguments = "run --help", .status = 0, .says = "example: upcallctl run" },
	{ .arguments = "unregister web", .status = 0, .says = "" },
	{ .arguments = "unregister --json web", .status = 0, .says = "\"unregistered\": \"web\"" },
	{ .arguments = "list", .status = 0, .says = "NAME STATE LEADER POLICY" },
	{ .arguments = "list --json", .status = 0, .says = "\"since\": \"2001-09-09T01:46:40Z\"" },
	{ .arguments = "list --json --output labels", .status = 0, .says = "\"t\\\"wo\"" },
	{ .arguments = "list --raw --noheadings --output name,SERVED",
	  .status = 0,
	  .says = "c0 18446744073709551615\n" },
	{ .arguments = "list --output NAME,", .status = 2, .says = "no such column" },
	{ .arguments = "list --output ''", .status = 2, .says = "no such column" },
	{ .arguments = "list --json --raw", .status = 2, .says = "exclude" },
	{ .arguments = "status", .status = 0, .says = "configuration    as last read\n" },
	{ .arguments = "status extra", .status = 2, .says = "extra" },
	{ .arguments = "status", .status = 0, .says = "upcalld          9.9\n" },
	{ .arguments = "status --json",
	  .status = 0,
	  .says = "\"core-pattern\": \"|/x \\\"%P\\\"\\u0009" },
	{ .arguments = "status --json",
	  .status = 0,
	  .says = "\"warnings\": [\n      \"first\",\n      \"second\"\n   ]" },
	{ .arguments = "reload", .status = 0, .says = "" },
	{ .arguments = "reload --json", .status = 0, .says = "\"reloaded\": true" },
	{ .arguments = "pending",
	  .status = 0,
	  .says = " 7 key/user web       running /x      4712 1.5s    28.5s\n" },
	{ .arguments = "pending --json", .status = 0, .says = "\"comm\": \"\\\"a b\\\"\"" },
	{ .arguments = "pending --json --output age,deadline",
	  .status = 0,
	  .says = "\"age\": 1500000,\n         \"deadline\": 28500000\n" },
	{ .arguments = "pending --raw --noheadings --output ID",
	  .status = 0,
	  .says = "7\n18446744073709551615\n" },
	{ .arguments = "pending --output SERVED", .status = 2, .says = "no such column" },
	{ .arguments = "pending --help", .status = 0, .says = "example: upcallctl pending" },
	{ .arguments = "cancel", .status = 2, .says = "no ID given" },
	{ .arguments = "cancel web", .status = 2, .says = "web: no id" },
	{ .arguments = "cancel 0", .status = 2, .says = "0: no id" },
	{ .arguments = "cancel 7 8", .status = 2, .says = "8: one argument too many" },
	{ .arguments = "cancel 7", .status = 0, .says = "" },
	{ .arguments = "cancel 7 --json", .status = 0, .says = "\"cancelled\": 7" },
	{ .arguments = "show", .status = 2, .says = "no NAME given" },
	{ .arguments = "show web", .status = 0, .says = "last upcall:    7 (core): entry-failed" },
	{ .arguments = "show web",
	  .status = 0,
	  .says = "key/user process    offer   [Key user] /x" },
	/* as upcalld calls it, whatever is typed: a user's has his number before its name */
	{ .arguments = "show b", .status = 0, .says = "running" },
	{ .arguments = "show b --json", .status = 0, .says = "\"pid\": 4712" },
	{ .arguments = "show web --json", .status = 0, .says = "\"result\": \"entry-failed\"" },
	{ .arguments = "config --user 1000", .status = 2, .says = "are about a NAME" },
	{ .arguments = "config web --user no-such", .status = 2, .says = "no such user" },
	{ .arguments = "explain", .status = 2, .says = "either --pid or --id" },
	{ .arguments = "explain --pid 1 --id 1", .status = 2, .says = "either --pid or --id" },
	{ .arguments = "explain --pid 0", .status = 2, .says = "--pid 0" },
	{ .arguments = "explain --pid 1 --class ke", .status = 2, .says = "--class ke: no class" },
	{ .arguments = "explain --pid 1 --class key/", .status = 2, .says = "key/: no class" },
	{ .arguments = "explain --id 7 --class key", .status = 2, .says = "--class is for --pid" },
	{ .arguments = "explain --id 7", .status = 0, .says = "error:          Permission denied" },
	{ .arguments = "explain --id 7", .status = 0, .says = "handler's end:  exit status 7" },
	{ .arguments = "explain --id 7 --json", .status = 0, .says = "\"duration\": 1500" },
	{ .arguments = "explain --pid $$",
	  .status = 0,
	  .says = "the kernel says: container c0, and" },
	{ .arguments = "explain --pid $$ --class key/user --json",
	  .status = 0,
	  .says = "\"outlook\": [\n      {\n         \"class\": \"key/user\"" },
	{ .arguments = "explain --pid $$ --class key/big --json",
	  .status = 0,
	  .says = "\"outlook\": [\n      {\n         \"class\": \"key\"" },
	{ .arguments = "explain --pid $$ --class core --json",
	  .status = 0,
	  .says = "\"outlook\": []" },
	{ .arguments = "explain --pid 2147483647", .status = 3, .says = "No such process" },
	{ .arguments = "monitor",
	  .status = 1,
	  .says = "ended   7 core web entry-failed at cgroup: Permission denied after 1.5 ms\n"
		  "upcallctl: monitor: upcalld has stopped sending" },
	{ .arguments = "monitor --json", .status = 1, .says = "{\"event\": \"offered\",\"id\": 7," },
	{ .arguments = "monitor --json",
	  .status = 1,
	  .says = "}\n{\"event\": \"ended\",\"id\": 7," },
	{ .arguments = "monitor x", .status = 2, .says = "one argument too many" },
	{ .arguments = "drain --timeout -1", .status = 2, .says = "--timeout -1" },
};

static void test_ctl(void **state)
{
	struct fake_daemon fake = { .containers = 1 };
	char output[4096];

	fake_daemon_start(&fake);
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		print_message("upcallctl %s\n", runs[i].arguments);
		assert_int_equal(run_ctl(runs[i].arguments, output, sizeof(output)),
				 runs[i].status);
		assert_non_null(strstr(output, runs[i].says));
	}
	fake_daemon_stop(&fake);
}

static void test_ctl_without_module(void **state)
{
	struct fake_daemon fake = { .no_shim = true };
	char output[4096];

	fake_daemon_start(&fake);
	assert_int_equal(run_ctl("status", output, sizeof(output)), 6);
	assert_non_null(strstr(output, "missing: run modprobe upcall_shim"));
	assert_int_equal(run_ctl("status --json", output, sizeof(output)), 6);
	assert_non_null(strstr(output, "\"shim\": false"));
	fake_daemon_stop(&fake);
}

static void test_ctl_output_is_checked(void **state)
{
	struct fake_daemon fake = { .containers = 1 };
	char output[4096];

	fake_daemon_start(&fake);
	assert_int_equal(run_ctl("status --json >/dev/full", output, sizeof(output)), 1);
	assert_int_equal(run_ctl("list >/dev/full", output, sizeof(output)), 1);
	/* nor does the daemon get it, whose socket would have that number */
	assert_int_equal(run_ctl("list 3>&1 >&- 2>&3 || exit", output, sizeof(output)), 1);
	assert_non_null(strstr(output, "cannot write the output: Bad file descriptor"));
	assert_int_equal(run_ctl("list >&- 2>&- <&- || exit", output, sizeof(output)), 1);
	fake_daemon_stop(&fake);
}

/* The fds that the stack happens to hold. */
static __attribute__((noinline)) void stack_fill(int fd)
{
	volatile int numbers[4096];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		numbers[i] = fd;
}

/* A failure before anything was asked closes none of the program's fds. */
static void test_register_container_keeps_fds(void **state)
{
	struct upcall_connection *connection;
	int fd = dup(0);

	(void)state;
	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
	assert_int_not_equal(upcall_connect(&connection), 0);
	stack_fill(fd);
	assert_int_equal(upcall_register_container(connection, NULL, -1, NULL, NULL), -ENOTCONN);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	upcall_close(connection);
	unsetenv("UPCALLD_SOCKET");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register_sends_everything),
		cmocka_unit_test(test_register_without_options),
		cmocka_unit_test(test_reserved_options_are_refused),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_wrong_types_are_refused),
		cmocka_unit_test(test_no_daemon),
		cmocka_unit_test(test_not_root),
		cmocka_unit_test(test_daemon_hangs_up),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_ctl),
		cmocka_unit_test(test_ctl_without_module),
		cmocka_unit_test(test_ctl_output_is_checked),
		cmocka_unit_test(test_register_container_keeps_fds),
	};

	setenv("LC_ALL", "C", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
