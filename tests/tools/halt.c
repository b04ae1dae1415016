// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stops the next child of a process after its Nth system call
 *
 * halt PID N: says "ready", and once that child has stopped "stopped PID CALL",
 * with the number of the call. The child is stopped by SIGSTOP, and nobody traces it
 * or PID any more: SIGCONT lets it go on. A child that forks a sibling in its place
 * (CLONE_PARENT) is followed there. One that ends before was for something short,
 * and the next is it.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#define OPTIONS \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD)
#define SYSCALL_STOP (SIGTRAP | 0x80)

static pid_t parent, child;
static int calls, calls_left;
static int entering = 1;

static void die(const char *what)
{
	fprintf(stderr, "halt: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int event_of(int status)
{
	return (unsigned int)status >> 16;
}

/* Whoever is to be left alone has to stand still for it. */
static void parent_leave(void)
{
	int status;

	if (ptrace(PTRACE_INTERRUPT, parent, NULL, NULL) < 0)
		die("PTRACE_INTERRUPT");
	if (waitpid(parent, &status, __WALL) == parent && WIFSTOPPED(status))
		(void)ptrace(PTRACE_DETACH, parent, NULL, NULL);
}

/* The call that it is about to make is finished first: signals wait for its end. */
static _Noreturn void child_stop(void)
{
	long call = ptrace(PTRACE_PEEKUSER, child, offsetof(struct user, regs.orig_rax), NULL);

	if (kill(child, SIGSTOP) < 0 || ptrace(PTRACE_DETACH, child, NULL, NULL) < 0)
		die("stopping the child");
	parent_leave();
	printf("stopped %d %ld\n", child, call);
	exit(0);
}

static void child_await(void)
{
	child = 0;
	entering = 1;
	calls_left = calls;
}

static void child_goes_on(int signal)
{
	(void)ptrace(PTRACE_SYSCALL, child, NULL, signal);
}

static void child_stopped(int status)
{
	if (event_of(status) == PTRACE_EVENT_CLONE) {
		/* its sibling, of which the next stop is; this one has no more to do */
		(void)ptrace(PTRACE_DETACH, child, NULL, NULL);
		child = 0;
		entering = 1;
	} else if (WSTOPSIG(status) != SYSCALL_STOP) {
		child_goes_on(event_of(status) ? 0 : WSTOPSIG(status));
	} else {
		if (entering && --calls_left == 0)
			child_stop();
		entering = !entering;
		child_goes_on(0);
	}
}

static void stopped(pid_t pid, int status)
{
	int signal = event_of(status) ? 0 : WSTOPSIG(status);

	if (pid == parent) {
		(void)ptrace(PTRACE_CONT, parent, NULL, signal);
	} else if (pid == child) {
		child_stopped(status);
	} else if (!child) {
		child = pid;
		child_goes_on(0);
	} else {
		(void)ptrace(PTRACE_DETACH, pid, NULL, signal);
	}
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc != 3)
		return 2;
	parent = atoi(argv[1]);
	calls = atoi(argv[2]);
	child_await();
	if (ptrace(PTRACE_SEIZE, parent, NULL, OPTIONS) < 0)
		die("PTRACE_SEIZE");
	puts("ready");
	fflush(stdout);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			stopped(pid, status);
		else if (pid == child)
			child_await();
		else if (pid == parent)
			break;
	}
	fprintf(stderr, "halt: the process has ended\n");
	return 1;
}
