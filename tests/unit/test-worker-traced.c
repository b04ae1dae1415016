// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A container that was registered without its seccomp filters: they are taken from its leader, who
 * is stopped for that once, and goes on.
 */
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enter-fixture.h"

/* What the leader says of itself. */
struct seen {
	unsigned int interrupted;
	unsigned int filters;
	unsigned int sent; /* to it */
	unsigned int senders;
	unsigned int signals;
};

static struct seen *seen;

static void filter_put(struct sock_filter *code, unsigned short count)
{
	const struct sock_fprog program = { count, code };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		(void)syscall(SYS_exit_group, 1);
	seen->filters++;
}

/* Refuses one call with an errno, and allows all others. */
static void filter_refuses(long call, uint32_t error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	filter_put(code, sizeof(code) / sizeof(code[0]));
}

/* One of the two ways to add a filter. */
static void filter_refuses_filters(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENODATA),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	filter_put(code, sizeof(code) / sizeof(code[0]));
}

static void on_signal(int number)
{
	(void)number;
	filter_refuses(SYS_rmdir, ENODATA);
}

static void on_counted(int number)
{
	(void)number;
	seen->signals++;
}

static void two_filters(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	const struct sigaction counted = { .sa_handler = on_counted };

	(void)sigaction(SIGUSR1, &action, NULL);
	(void)sigaction(SIGRTMIN, &counted, NULL);
	filter_refuses_filters();
	filter_refuses(SYS_mkdir, ENOMSG);
}

static void lying_filter(void)
{
	filter_refuses(SYS_setresuid, 0);
}

static void many_filters(void)
{
	for (int i = 0; i <= PROFILE_FILTERS_MAX; i++)
		filter_refuses(SYS_mkdir, ENOMSG);
}

/* One of the system calls that a stop ends. */
static void wait_for_events(void)
{
	struct epoll_event event;
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_wait(fd, &event, 1, -1) < 0 && errno == EINTR)
		seen->interrupted++;
	close(fd);
}

/* Uninterruptible, until the child has ended. */
static void wait_in_the_kernel(void)
{
	long pid = syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		for (;;)
			(void)syscall(SYS_pause);
}

/* What the leader does in the end, again and again: it waits in that system call. */
static void await_rest(long call)
{
	char path[32], text[128];
	long is = -1;

	snprintf(path, sizeof(path), "/proc/%d/syscall", container.leader);
	for (int i = 0; i < 5000 && is != call; i++) {
		FILE *file = fopen(path, "re");

		assert_non_null(file);
		/* "running" is no number, and of who does not run there are arguments */
		if (!fgets(text, sizeof(text), file) || sscanf(text, "%ld 0x", &is) != 1)
			is = -1;
		fclose(file);
		usleep(1000);
	}
	assert_int_equal(is, call);
}

static void leader_with(void (*prepare)(void), void (*live)(void))
{
	require_root();
	memset(seen, 0, sizeof(*seen));
	container_life(prepare, live);
	leader_replace(0, false);
	await_rest(live == wait_for_events ? SYS_epoll_wait : live ? SYS_clone : SYS_pause);
	traced_forget(&hands.traced);
}

static struct worker_request request_that_sees(void)
{
	require_root();
	info_set(UPCALL_CLASS_KEY, "cat /proc/self/status >status; mkdir made 2>refused; true");
	return request_of(WORKER_BECOME);
}

static void assert_runs_under(const char *filters)
{
	struct worker_request request = request_that_sees();
	struct worker_result result = request_serve(&request);
	char *status;

	if (result.outcome != WORKER_SERVED)
		fail_msg("outcome %u, step %u, error %d", result.outcome, result.step,
			 result.error);
	status = output("status");
	assert_non_null(status);
	assert_line(status, "Seccomp:\t2\n");
	assert_line(status, filters);
	assert_non_null(strstr(output("refused"), strerror(ENOMSG)));
}

static void assert_not_entered(int error)
{
	struct worker_request request = request_that_sees();

	assert_refused(&request, WORKER_STEP_SECCOMP, error);
}

/* It sleeps, and nobody traces it. */
static void assert_leader_goes_on(void)
{
	char path[32], text[4096] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", container.leader);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_line(text, "State:\tS (sleeping)\n");
	assert_line(text, "TracerPid:\t0\n");
}

/* And then it waits for events once more. */
static void await(const unsigned int *value, unsigned int is)
{
	for (int i = 0; i < 5000 && *(const volatile unsigned int *)value != is; i++)
		usleep(1000);
	assert_int_equal(*(const volatile unsigned int *)value, is);
	await_rest(SYS_epoll_wait);
}

static void test_taken_once(void **state)
{
	(void)state;
	leader_with(two_filters, wait_for_events);
	assert_runs_under("Seccomp_filters:\t2\n");
	await(&seen->interrupted, 1);
	assert_leader_goes_on();
	assert_runs_under("Seccomp_filters:\t2\n");
	assert_int_equal(seen->interrupted, 1);
	/* until there is another one */
	kill(container.leader, SIGUSR1);
	await(&seen->filters, 3);
	await(&seen->interrupted, 2);
	assert_runs_under("Seccomp_filters:\t3\n");
	await(&seen->interrupted, 3);
	assert_runs_under("Seccomp_filters:\t3\n");
	assert_int_equal(seen->interrupted, 3);
}

#define SIGNALS 3000 /* fewer than may be queued */

/* The worker, who is us, reaps it. */
static void signals_send(void)
{
	const union sigval nothing = { 0 };
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < SIGNALS; i++)
			seen->sent += sigqueue(container.leader, SIGRTMIN, nothing) == 0;
		seen->senders++;
		(void)syscall(SYS_exit_group, 0);
	}
	assert_true(pid > 0);
}

/* RACE: what stops it may be a signal on its way to it. It gets that, and is never left stopped. */
static void test_signals_arrive(void **state)
{
	(void)state;
	leader_with(two_filters, wait_for_events);
	for (unsigned int round = 1; round <= 3; round++) {
		signals_send();
		do {
			traced_forget(&hands.traced);
			assert_runs_under("Seccomp_filters:\t2\n");
		} while (*(volatile unsigned int *)&seen->senders < round);
		await(&seen->signals, seen->sent);
	}
	assert_true(seen->sent > SIGNALS);
	assert_leader_goes_on();
}

/* Of another container, or of another leader, nothing is known. */
static void test_of_each(void **state)
{
	(void)state;
	leader_with(two_filters, wait_for_events);
	assert_runs_under("Seccomp_filters:\t2\n");
	await(&seen->interrupted, 1);
	hands.traced.container++;
	assert_runs_under("Seccomp_filters:\t2\n");
	await(&seen->interrupted, 2);
	hands.traced.start_time++;
	assert_runs_under("Seccomp_filters:\t2\n");
	await(&seen->interrupted, 3);
}

static void test_who_waits_for_it(void **state)
{
	struct worker_request request;

	(void)state;
	leader_with(two_filters, wait_for_events);
	request = request_that_sees();
	fake_info.tid = fake_info.tgid = (uint32_t)container.leader;
	assert_refused(&request, WORKER_STEP_SECCOMP, EDEADLK);
	assert_int_equal(seen->interrupted, 0);
	/* what is known by then needs no stop */
	assert_runs_under("Seccomp_filters:\t2\n");
	await(&seen->interrupted, 1);
	request = request_that_sees();
	fake_info.tid = fake_info.tgid = (uint32_t)container.leader;
	assert_int_equal(request_serve(&request).outcome, WORKER_SERVED);
	output("status");
	output("refused");
}

/* Nor does who dies: the first process dumps core, whichever of its threads says so. */
static void test_who_dies(void **state)
{
	struct worker_request request;

	(void)state;
	leader_with(two_filters, wait_for_events);
	require_root();
	info_set(UPCALL_CLASS_CORE, "touch ran");
	request = request_of(WORKER_BECOME);
	fake_info.tid = 1;
	fake_info.tgid = (uint32_t)container.leader;
	assert_refused(&request, WORKER_STEP_SECCOMP, EDEADLK);
	assert_int_equal(seen->interrupted, 0);
}

/* More groups than a look at its status has room for. */
static void in_many_groups(void)
{
	static gid_t groups[8192];

	if (setgroups(sizeof(groups) / sizeof(groups[0]), groups) < 0)
		(void)syscall(SYS_exit_group, 1);
	two_filters();
}

static void test_unknown_how_many(void **state)
{
	(void)state;
	leader_with(in_many_groups, wait_for_events);
	for (unsigned int stops = 1; stops <= 2; stops++) {
		assert_runs_under("Seccomp_filters:\t2\n");
		await(&seen->interrupted, stops);
	}
}

/* Then they come last, by another way; also where it has only just begun to. */
static void test_no_new_privs(void **state)
{
	(void)state;
	leader_with(two_filters, wait_for_events);
	leader_replace(0, true);
	await_rest(SYS_epoll_wait);
	assert_runs_under("NoNewPrivs:\t1\n");
	leader_with(two_filters, wait_for_events);
	{
		struct worker_request request = request_that_sees();

		fake->no_new_privs_at = 2;
		assert_refused(&request, WORKER_STEP_SECCOMP, EAGAIN);
	}
}

static void test_without_user_namespace(void **state)
{
	(void)state;
	container_own_user_ns(false);
	leader_with(two_filters, wait_for_events);
	assert_runs_under("Seccomp_filters:\t2\n");
	assert_runs_under("NoNewPrivs:\t0\n");
	leader_replace(0, true);
	await_rest(SYS_epoll_wait);
	traced_forget(&hands.traced);
	assert_runs_under("NoNewPrivs:\t1\n");
	container_own_user_ns(container.has_user_ns);
}

/* Only one can trace it: refused, and for a while not tried again. */
static void test_traced_by_another(void **state)
{
	(void)state;
	leader_with(two_filters, wait_for_events);
	assert_int_equal(ptrace(PTRACE_SEIZE, container.leader, NULL, NULL), 0);
	assert_not_entered(EPERM);
	/* the stop for letting go of it is one, too */
	assert_int_equal(ptrace(PTRACE_INTERRUPT, container.leader, NULL, NULL), 0);
	assert_int_equal(waitpid(container.leader, NULL, __WALL), container.leader);
	assert_int_equal(ptrace(PTRACE_DETACH, container.leader, NULL, NULL), 0);
	await(&seen->interrupted, 1);
	assert_not_entered(EPERM);
	assert_int_equal(seen->interrupted, 1);
	hands.traced.retry_ms = 0;
	assert_runs_under("Seccomp_filters:\t2\n");
}

static void test_does_not_stop(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	leader_with(two_filters, wait_in_the_kernel);
	request = request_that_sees();
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_int_equal(result.step, WORKER_STEP_SECCOMP);
	assert_int_equal(result.error, ETIMEDOUT);
	assert_true(result.duration_us >= TRACED_MS * 1000 / 2);
	assert_int_equal(fake->completed, 1);
	/* at once: no other upcall waits for that so soon */
	assert_not_entered(ETIMEDOUT);
}

static void test_not_applied(void **state)
{
	(void)state;
	leader_with(lying_filter, NULL);
	assert_not_entered(EBADMSG);
	leader_with(many_filters, NULL);
	assert_not_entered(E2BIG);
}

/* The shim says that there are some, and there are none. */
static void test_none(void **state)
{
	struct worker_request request;

	(void)state;
	leader_with(NULL, NULL);
	request = request_that_sees();
	fake->filtered = true;
	assert_refused(&request, WORKER_STEP_SECCOMP, EINVAL);
}

/* Programs of ours have their own. */
static void test_not_for_ours(void **state)
{
	struct worker_request request;

	(void)state;
	leader_with(two_filters, wait_for_events);
	request = request_that_sees();
	request.run_in = WORKER_RUN_IN_HOST;
	assert_int_equal(request_serve(&request).outcome, WORKER_SERVED);
	assert_int_equal(seen->interrupted, 0);
	output("status");
	output("refused");
	request = request_that_sees();
	request.handler = WORKER_ANSWER_DNS;
	assert_int_not_equal(request_serve(&request).step, WORKER_STEP_SECCOMP);
	assert_int_equal(seen->interrupted, 0);
}

static int teardown(void **state)
{
	container_life(NULL, NULL);
	return group_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_once),
		cmocka_unit_test(test_of_each),
		cmocka_unit_test(test_signals_arrive),
		cmocka_unit_test(test_who_waits_for_it),
		cmocka_unit_test(test_who_dies),
		cmocka_unit_test(test_unknown_how_many),
		cmocka_unit_test(test_no_new_privs),
		cmocka_unit_test(test_without_user_namespace),
		cmocka_unit_test(test_traced_by_another),
		cmocka_unit_test(test_does_not_stop),
		cmocka_unit_test(test_not_applied),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_not_for_ours),
	};

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, group_setup, teardown);
}
