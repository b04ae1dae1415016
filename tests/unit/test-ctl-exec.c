// SPDX-License-Identifier: GPL-2.0-or-later
/* upcallctl exec, with a worker that runs the command where it is: what goes in, out, and how it
 * ends. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "carrier.h"
#include "ctl-run.h"
#include "fake-daemon.h"
#include "relay.h"
#include "signals.h"
#include "visit.h"

static bool fork_fails;
pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
	if (!fork_fails)
		return __real_fork();
	errno = EAGAIN;
	return -1;
}

static time_t slept; /* seconds for which the machine has */
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

/* Seen from outside: a sanitizer's library asks for the time, too. */
int __attribute__((visibility("default")))
__wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = __real_clock_gettime(clock, ret);

	if (clock != CLOCK_MONOTONIC)
		ret->tv_sec += slept;
	return r;
}

static void expect_of(struct fake_daemon *fake, const char *arguments, int status,
		      const char *output)
{
	const char *said;
	int got;

	fake_daemon_start(fake);
	got = ctl_run(arguments, &said);
	fake_daemon_stop(fake);
	assert_int_equal(got, status);
	assert_string_equal(said, output);
}

static void expect(const char *arguments, int status, const char *output)
{
	struct fake_daemon fake = { 0 };

	expect_of(&fake, arguments, status, output);
}

static void test_statuses(void **state)
{
	expect("exec web /bin/true", 0, "");
	expect("exec web -- /bin/sh -c 'echo out; exit 7'", 7, "out\n");
	expect("exec web /bin/sh -c 'echo err >&2; exit 2'", 2, "err\n");
	expect("exec web /bin/sh -c 'kill -9 $$'", 137, "");
	expect("exec --timeout 5 web /bin/echo --json --timeout -- a", 0,
	       "--json --timeout -- a\n");
}

static void test_streams(void **state)
{
	expect("exec web /bin/cat </proc/sys/kernel/ostype", 0, "Linux\n");
	/* nothing of the host's gets in: sockets, and an input that ends */
	expect("exec web /bin/sh -c 'for i in 0 1 2; do readlink /proc/self/fd/$i; done' "
	       "</dev/null | cut -d: -f1",
	       0, "socket\nsocket\nsocket\n");
	expect("exec web /bin/sh -c 'cat; echo end' <&-", 0, "end\n");
	/* more than any buffer on the way holds */
	expect("exec web /bin/sh -c 'head -c 3000000 /dev/zero' </dev/null | wc -c", 0,
	       "3000000\n");
	expect("exec web /bin/sh -c 'head -c 3000000 | wc -c' </dev/zero", 0, "3000000\n");
	/* who does not read his input is not waited for, and it is no failure */
	expect("exec web /bin/sh -c 'exit 3' </dev/zero", 3, "");
	expect("exec web /bin/sh -c 'exec <&-; sleep 0.2; exit 4' </dev/zero", 4, "");
	expect("exec web /bin/sh -c 'head -c 1 >/dev/null; exit 5' </dev/zero", 5, "");
}

/* An input that is not all there is told of; one that is none is none. */
static void test_input_cut(void **state)
{
	expect("exec web /bin/cat </", 0,
	       "upcallctl: exec web: what it was to read was cut short: Is a directory\n");
	expect("exec web /bin/sh -c 'exit 3' </", 3,
	       "upcallctl: exec web: what it was to read was cut short: Is a directory\n");
	expect("exec --json web /bin/cat </ | grep input", 0, "   \"input-cut\": true\n");
	expect("exec web /bin/cat 0>/dev/null", 0, "");
}

static void test_json(void **state)
{
	expect("exec --json web /bin/sh -c 'echo noise; exit 3' 2>/dev/null | "
	       "grep -v '\"pid\"\\|\"duration\"'",
	       0,
	       "{\n   \"container\": \"web\",\n   \"outcome\": \"exited\",\n"
	       "   \"exit-status\": 3,\n   \"signal\": 0,\n   \"step\": \"\",\n"
	       "   \"error\": \"\",\n   \"input-cut\": false\n}\n");
	expect("exec --json web /bin/echo noise 3>&1 >/dev/null 2>&3 || exit", 0, "noise\n");
}

static void test_results(void **state)
{
	static const struct {
		struct worker_result result;
		int status;
		const char *said;
	} cases[] = {
		{ { .outcome = WORKER_ENTRY_FAILED, .step = WORKER_STEP_SECCOMP, .error = EPERM },
		  125,
		  "upcallctl: exec web: the container could not be entered: step seccomp (its first process has seccomp filters, see HANDLERS in upcalld.d(5)): Operation not permitted\n" },
		{ { .outcome = WORKER_EXEC_FAILED,
		    .step = WORKER_STEP_EXEC,
		    .error = ENOENT,
		    .wait_status = 127 << 8 },
		  127,
		  "upcallctl: exec web: /x: No such file or directory\n" },
		{ { .outcome = WORKER_EXEC_FAILED, .step = WORKER_STEP_EXEC, .error = EACCES },
		  126,
		  "upcallctl: exec web: /x: Permission denied\n" },
		{ { .outcome = WORKER_HANDLER_TIMEOUT, .error = ETIMEDOUT, .wait_status = SIGKILL },
		  124,
		  "upcallctl: exec web: killed: it ran for more than 60 s\n" },
		{ { .outcome = WORKER_HANDLER_OOM, .wait_status = SIGKILL },
		  137,
		  "upcallctl: exec web: killed: its cgroup had no memory left\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .worker.result = cases[i].result };

		fake.worker.result.protocol = WORKER_PROTOCOL;
		expect_of(&fake, "exec web /x", cases[i].status, cases[i].said);
	}
}

static void test_failures(void **state)
{
	struct fake_daemon dies = { .worker.dies = true };
	struct fake_daemon other = { .worker.result.protocol = WORKER_PROTOCOL + 1 };
	struct fake_daemon refuses = { .error_name = "org.upcalld.Error.NoSuchContainer",
				       .error_text = "no container is called web" };

	expect_of(&dies, "exec web /bin/true", 125,
		  "upcallctl: exec web: its worker has gone, and the command with it\n");
	expect_of(&other, "exec web /bin/true", 125,
		  "upcallctl: exec web: cannot go on: Bad message\n");
	expect_of(&refuses, "exec web /bin/true", 125,
		  "upcallctl: exec web: no container is called web\n");
	expect("exec web /bin/sh -c 'exit 0' >/dev/full", 0, "");
	expect("exec web /bin/echo words 3>&1 >/dev/full 2>&3 || exit", 125,
	       "upcallctl: exec web: cannot go on: No space left on device\n");
}

#define SEE "; see 'upcallctl exec --help'\n"

static void test_usage(void **state)
{
	const char *said;

	expect("exec", 125, "upcallctl: exec: no NAME given" SEE);
	expect("exec web", 125, "upcallctl: exec: web: no command given" SEE);
	expect("exec web --", 125, "upcallctl: exec: web: no command given" SEE);
	expect("exec web sh", 125,
	       "upcallctl: exec: web: sh: not an absolute path in the container" SEE);
	expect("exec --timeout 0 web /x", 125,
	       "upcallctl: exec: --timeout 0: not 1 to 86400 seconds" SEE);
	expect("exec --nonsense web /x", 125,
	       "upcallctl: exec: --nonsense: no such option, or it takes no value" SEE);
	assert_int_equal(ctl_run("exec --help", &said), 0);
	assert_non_null(strstr(said, "exit status: CMD's own"));
	assert_null(strstr(said, "wrong usage"));
}

/* A terminal gets text, and nothing that it would answer or obey. */
static void test_tame(void **state)
{
	char text[] = "a\tb\n\x1b[6n\x7f\rc \xc3\xa4 \xc2\x9b \x9b \xe2\x82\xac";
	char latin[] = "\xe4\x9b"
		       "0c";

	relay_tame(text, sizeof(text) - 1, true);
	assert_string_equal(text, "a\tb\n?[6n??c \xc3\xa4 \xc2? ? \xe2\x82\xac");
	relay_tame(latin, sizeof(latin) - 1, false);
	assert_string_equal(latin, "\xe4?0c");
}

/* ------------------------------------------------- relay.c, with a worker and a command in one */

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SCM_PIDFD    4
#endif

/* What the command has: its fds 0 to 2, the worker's end of the channel, the writing end of our
 * input. */
struct command {
	int fds[3];
	int channel;
	int input;
};

static char printed[4096];
static size_t printed_size;
static int input_error; /* of its carrier's end */

static int keep(void *data, int fd, char *bytes, size_t size)
{
	size_t room = sizeof(printed) - 1 - printed_size;

	memcpy(printed + printed_size, bytes, size < room ? size : room);
	printed_size += size < room ? size : room;
	printed[printed_size] = '\0';
	return 0;
}

static void pair(int type, int *ours, int *theirs)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
	*ours = fds[0];
	*theirs = fds[1];
}

static void command_close(const struct command *command)
{
	close(command->channel);
	close(command->input);
	for (int i = 0; i < 3; i++)
		close(command->fds[i]);
}

static void relay_close(const struct relay *relay)
{
	close(relay->channel);
	close(relay->input);
	for (int i = 0; i < 3; i++)
		close(relay->sockets[i]);
}

static void command_fork(const struct command *command, const struct relay *relay,
			 void (*body)(const struct command *))
{
	struct worker_result result = { .protocol = WORKER_PROTOCOL };

	if (fork() != 0)
		return;
	alarm(30);
	relay_close(relay);
	body(command);
	(void)!send(command->channel, &result, sizeof(result), MSG_NOSIGNAL);
	_exit(0);
}

static int relay(void (*body)(const struct command *),
		 int (*print)(void *data, int fd, char *bytes, size_t size))
{
	struct worker_result result;
	struct carrier carrier = CARRIER_NULL;
	struct relay relay = { .carrier = &carrier, .print = print, .seconds = 20 };
	struct command command;
	int input[2], ret;

	printed_size = 0;
	printed[0] = '\0';
	assert_int_equal(pipe(input), 0); /* lint: a test's own */
	relay.input = input[0];
	command.input = input[1];
	pair(SOCK_SEQPACKET, &relay.channel, &command.channel);
	for (int i = 0; i < 3; i++)
		pair(SOCK_STREAM, &relay.sockets[i], &command.fds[i]);
	command_fork(&command, &relay, body);
	command_close(&command);
	assert_int_equal(carrier_start(&carrier, relay.sockets[0]), 0);
	ret = relay_run(&relay, &result);
	input_error = carrier_end(&carrier);
	relay_close(&relay);
	return ret;
}

/* The command's is the only child that is left. */
static void assert_one_child(void)
{
	assert_true(wait(NULL) > 0);
	assert_int_equal(wait(NULL), -1);
	assert_int_equal(errno, ECHILD);
}

static void describe_fd(int out, pid_t pid, int fd)
{
	char path[64], target[64];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	size = readlink(path, target, sizeof(target) - 1);
	if (size <= 0)
		return;
	target[size] = '\0';
	dprintf(out, "%d %.*s\n", fd, (int)strcspn(target, ":"), target);
}

/* "us" if it is upcallctl, or else what it has: its fds, its capabilities, its session. */
static void describe_process(int out, pid_t pid)
{
	char path[64], line[256];
	FILE *status;

	if (pid == getppid()) {
		dprintf(out, "us\n");
		return;
	}
	for (int fd = 0; fd < 1024; fd++)
		describe_fd(out, pid, fd);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "CapPrm", 6))
			dprintf(out, "%s", line);
	dprintf(out, getsid(pid) == pid ? "own session\n" : "our session\n");
}

/* Reads a byte of its input, and who sent it. 0: nobody says. */
static pid_t receive_sender(int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte, path[64], line[256];
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int pidfd, pid = 0;
	FILE *info;

	if (recvmsg(fd, &message, 0) != 1)
		return 0;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_PIDFD)
		return 0;
	memcpy(&pidfd, CMSG_DATA(header), sizeof(pidfd));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info))
		if (!strncmp(line, "Pid:", 4))
			pid = (pid_t)strtol(line + 4, NULL, 10);
	return pid;
}

static void ask_who_sends(const struct command *command)
{
	const int on = 1;

	if (setsockopt(command->fds[0], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) < 0 ||
	    write(command->input, "x", 1) != 1)
		_exit(1);
	describe_process(command->fds[1], receive_sender(command->fds[0]));
}

/* Who takes our input gets nobody to take anything else from. */
static void test_sender(void **state)
{
	const int on = 1;
	int ours, theirs, known;

	pair(SOCK_STREAM, &ours, &theirs);
	known = setsockopt(ours, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on));
	close(ours);
	close(theirs);
	if (known < 0 || geteuid() != 0)
		skip();
	assert_int_equal(relay(ask_who_sends, keep), 0);
	assert_string_equal(printed, "0 pipe\n1 socket\n"
				     "CapPrm:\t0000000000000000\nown session\n");
	assert_one_child();
}

static pid_t other_child(void)
{
	char path[64], line[256] = "";
	FILE *file;
	pid_t pid;
	char *at;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", getppid(), getppid());
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return 0;
	for (at = line; (pid = (pid_t)strtol(at, &at, 10)) > 0;)
		if (pid != getpid())
			return pid;
	return 0;
}

static void kill_carrier(const struct command *command)
{
	char bytes[64];
	pid_t pid;

	/* it is there once it has brought something */
	if (write(command->input, "x", 1) != 1 || read(command->fds[0], bytes, 1) != 1)
		_exit(1);
	pid = other_child();
	if (pid <= 0 || kill(pid, SIGKILL) < 0)
		_exit(1);
	/* more than it could have taken, in vain, and then the end */
	(void)!write(command->input, bytes, sizeof(bytes));
	while (read(command->fds[0], bytes, sizeof(bytes)) > 0)
		;
	(void)!write(command->input, bytes, sizeof(bytes));
	dprintf(command->fds[1], "the end\n");
}

/* If the carrier dies, the command's input has ended, and we know that it was not all. */
static void test_carrier_dies(void **state)
{
	/* as whoever has started us may have left it */
	assert_ptr_not_equal(signal(SIGCHLD, SIG_IGN), SIG_ERR);
	signals_take();
	assert_int_equal(relay(kill_carrier, keep), 0);
	assert_int_equal(input_error, -EPIPE);
	assert_string_equal(printed, "the end\n");
	assert_one_child();
}

static void ignore_input(const struct command *command)
{
	char bytes[65536] = { 0 };

	/* until it has been full for a while, all the way */
	(void)fcntl(command->input, F_SETFL, O_NONBLOCK);
	for (int full = 0; full < 100;)
		if (write(command->input, bytes, sizeof(bytes)) < 0) {
			usleep(2000);
			full++;
		}
	for (int i = 0; i < 1000; i++)
		(void)!write(command->fds[1], bytes, sizeof(bytes));
}

/* Input that is not read keeps nobody: not its output, not its end, not the carrier's. */
static void test_unread_input(void **state)
{
	assert_int_equal(relay(ignore_input, keep), 0);
	assert_int_equal(input_error, 0);
	assert_int_equal(printed_size, sizeof(printed) - 1);
	assert_one_child();
}

static void say_and_go_on(const struct command *command)
{
	(void)!write(command->fds[1], "before\n", 7);
	usleep(200000);
	(void)!write(command->fds[1], "after\n", 6);
}

static int sleep_an_hour(void *data, int fd, char *bytes, size_t size)
{
	slept += 3600;
	return keep(data, fd, bytes, size);
}

/* A machine that sleeps takes nothing of the command's time, as it takes none of the worker's. */
static void test_machine_sleeps(void **state)
{
	slept = 0;
	assert_int_equal(relay(say_and_go_on, sleep_an_hour), 0);
	assert_string_equal(printed, "before\nafter\n");
	assert_one_child();
}

/* More prints than it takes to empty a socket. */
#define TOO_MANY 100

static unsigned int prints;

/* As slow as a terminal: whoever writes is faster. */
static int keep_slowly(void *data, int fd, char *bytes, size_t size)
{
	usleep(10000);
	return ++prints == TOO_MANY ? -EFBIG : keep(data, fd, bytes, size);
}

/* It has left the leaf, and the worker that kills the leaf does not reach it. */
static void leave_writer(const struct command *command)
{
	char bytes[65536] = { 0 };

	if (fork() == 0) {
		alarm(30);
		while (write(command->fds[1], bytes, sizeof(bytes)) > 0)
			;
		_exit(0);
	}
	usleep(50000);
}

/* It has ended, so no more than what lies there is its output; and who writes on is told. */
static void test_writer_stays(void **state)
{
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	prints = 0;
	assert_int_equal(relay(leave_writer, keep_slowly), 0);
	assert_true(prints < TOO_MANY);
	assert_true(wait(NULL) > 0);
	assert_true(wait(NULL) > 0);
	assert_int_equal(wait(NULL), -1);
}

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* As a command of exec: may it send a descriptor along? Its exit status is the errno. */
static int send_descriptor(void)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { (char[]){ "x" }, 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	return sendmsg(STDOUT_FILENO, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

/* Closing what it sends could take as long as it likes (SO_LINGER). */
static void test_descriptors(void **state)
{
	const int off = 0;
	char path[256], arguments[300];
	int ours, theirs, known;
	ssize_t size;

	pair(SOCK_STREAM, &ours, &theirs);
	known = setsockopt(ours, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	close(ours);
	close(theirs);
	if (known < 0)
		skip();
	size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	assert_true(size > 0);
	path[size] = '\0';
	snprintf(arguments, sizeof(arguments), "exec web %s send-descriptor </dev/null", path);
	expect(arguments, EPERM, "");
}

/* Where it cannot be made, the command has not begun. */
static void test_no_carrier(void **state)
{
	const struct verb verb = { .name = "exec" };
	char touch[] = "/bin/touch", name[] = "ran";
	char *const arguments[] = { touch, name, NULL };
	struct fake_daemon fake = { 0 };
	struct visit visit = VISIT_NULL;
	int status;

	fake_daemon_start(&fake);
	fork_fails = true;
	status = visit_begin(&verb, "web", arguments, 60, /* probe= */ false, &visit);
	fork_fails = false;
	assert_int_equal(status, STATUS_FAILED);
	usleep(100000);
	assert_int_equal(access(name, F_OK), -1);
	fake_daemon_stop(&fake);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),       cmocka_unit_test(test_streams),
		cmocka_unit_test(test_json),	       cmocka_unit_test(test_results),
		cmocka_unit_test(test_failures),       cmocka_unit_test(test_usage),
		cmocka_unit_test(test_tame),	       cmocka_unit_test(test_sender),
		cmocka_unit_test(test_carrier_dies),   cmocka_unit_test(test_unread_input),
		cmocka_unit_test(test_machine_sleeps), cmocka_unit_test(test_writer_stays),
		cmocka_unit_test(test_descriptors),    cmocka_unit_test(test_input_cut),
		cmocka_unit_test(test_no_carrier),
	};

	if (argc == 2 && !strcmp(argv[1], "send-descriptor"))
		return send_descriptor();
	return cmocka_run_group_tests(tests, ctl_enter, ctl_leave);
}
