// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs a program one of whose system calls meets the Nth allocation that fails
 *
 * fail-nth N CALL COMMAND ARG…
 *   CALL: request_key, socket, open, write, finit_module, core (a SIGSEGV, of which it
 *   dies), or an ioctl of proto/upcall.h by its name without UPCALL_IOC_. The first such
 *   call of it or its children
 * For kernels with fault injection. Exit status 0 if something
 * failed there, 3 if the call has fewer allocations, 4 if it was never made, 2 on bad
 * usage, 1 on a kernel without.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "shim.h"

enum exit_status {
	STATUS_HIT,
	STATUS_MISSED = 3,
	STATUS_NOT_CALLED
};

static const struct call {
	const char *name;
	long number; /* -1: a signal that dumps core */
	unsigned long request;
} calls[] = {
	{ "request_key", SYS_request_key, 0 },
	{ "socket", SYS_socket, 0 },
	{ "open", SYS_openat, 0 },
	{ "write", SYS_write, 0 },
	{ "finit_module", SYS_finit_module, 0 },
	{ "core", -1, 0 },
	{ "LIST", SYS_ioctl, UPCALL_IOC_LIST },
	{ "CLAIM", SYS_ioctl, UPCALL_IOC_CLAIM },
	{ "DENY", SYS_ioctl, UPCALL_IOC_DENY },
	{ "NATIVE", SYS_ioctl, UPCALL_IOC_NATIVE },
	{ "CANCEL", SYS_ioctl, UPCALL_IOC_CANCEL },
	{ "AGAIN", SYS_ioctl, UPCALL_IOC_AGAIN },
	{ "ADOPT", SYS_ioctl, UPCALL_IOC_ADOPT },
	{ "VERSION", SYS_ioctl, UPCALL_IOC_VERSION },
	{ "SUBSCRIBE", SYS_ioctl, UPCALL_IOC_SUBSCRIBE },
	{ "MONITOR", SYS_ioctl, UPCALL_IOC_MONITOR },
	{ "DRAIN", SYS_ioctl, UPCALL_IOC_DRAIN },
	{ "COUNTERS", SYS_ioctl, UPCALL_IOC_COUNTERS },
	{ "WITNESS", SYS_ioctl, UPCALL_IOC_WITNESS },
	{ "CONTAINER_ADD", SYS_ioctl, UPCALL_IOC_CONTAINER_ADD },
	{ "CONTAINER_POLICY", SYS_ioctl, UPCALL_IOC_CONTAINER_POLICY },
	{ "CONTAINER_DEL", SYS_ioctl, UPCALL_IOC_CONTAINER_DEL },
	{ "CONTAINER_NEXT", SYS_ioctl, UPCALL_IOC_CONTAINER_NEXT },
	{ "INFO", SYS_ioctl, UPCALL_IOC_INFO },
	{ "TAGS", SYS_ioctl, UPCALL_IOC_TAGS },
	{ "ATTACH", SYS_ioctl, UPCALL_IOC_ATTACH },
	{ "COMPLETE", SYS_ioctl, UPCALL_IOC_COMPLETE },
};

static const struct call *call_of(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	return NULL;
}

static int fail_nth_open(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static void fail_nth_write(int fd, const char *n)
{
	if (pwrite(fd, n, strlen(n), 0) < 0)
		die("cannot write fail-nth");
}

/* It counts down to 0, which is when the one call fails. */
static bool fail_nth_hit(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		die("cannot read fail-nth");
	return !strtoul(text, NULL, 10);
}

static bool enters(pid_t pid, const struct call *call)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	return (long)info.entry.nr == call->number &&
	       (!call->request || info.entry.args[1] == call->request);
}

/* Of a process that dumps core as it dies: it can be read until it is reaped. */
static enum exit_status watch_death(pid_t pid, int fd, int signal)
{
	enum exit_status result;
	siginfo_t info;

	if (ptrace(PTRACE_CONT, pid, 0, signal) < 0)
		die("ptrace");
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		die("wait");
	result = fail_nth_hit(fd) ? STATUS_HIT : STATUS_MISSED;
	waitpid(pid, NULL, 0);
	return result;
}

/* What is watched for, and where it is. */
struct watch {
	const struct call *call;
	const char *n;
	pid_t inside; /* who is in the call */
	int fd;
	enum exit_status result;
};

static void watch_begin(struct watch *watch, pid_t pid)
{
	watch->inside = pid;
	watch->fd = fail_nth_open(pid);
	fail_nth_write(watch->fd, watch->n);
}

static void watch_end(struct watch *watch)
{
	watch->result = fail_nth_hit(watch->fd) ? STATUS_HIT : STATUS_MISSED;
	fail_nth_write(watch->fd, "0");
	close(watch->fd);
	watch->inside = 0;
}

/* Returns the signal with which it goes on: none for stops that are ptrace's own. */
static int watch_stop(struct watch *watch, pid_t pid, int status)
{
	const int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		if (watch->inside == pid)
			watch_end(watch);
		else if (watch->result == STATUS_NOT_CALLED && !watch->inside &&
			 enters(pid, watch->call))
			watch_begin(watch, pid);
		return 0;
	}
	if (signal == SIGSEGV && watch->call->number < 0)
		watch_begin(watch, pid);
	return signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

static enum exit_status watch_all(struct watch *watch, pid_t pid)
{
	int signal = 0, status;

	for (;;) {
		/* one that has been killed meanwhile is waited for like any other */
		ptrace(PTRACE_SYSCALL, pid, 0, signal);
		do
			pid = waitpid(-1, &status, __WALL);
		while (pid > 0 && !WIFSTOPPED(status));
		if (pid < 0)
			return watch->result;
		signal = watch_stop(watch, pid, status);
		if (watch->inside == pid && watch->call->number < 0)
			return watch_death(pid, watch->fd, signal);
	}
}

int main(int argc, char **argv)
{
	struct watch watch = { .result = STATUS_NOT_CALLED };
	int status;
	pid_t pid;

	if (argc < 4 || !(watch.call = call_of(argv[2])))
		usage("fail-nth N CALL COMMAND ARG…");
	watch.n = argv[1];
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execvp(argv[3], argv + 3);
		die(argv[3]);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return 1;
	if (ptrace(PTRACE_SETOPTIONS, pid, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK) < 0)
		die("ptrace");
	return watch_all(&watch, pid);
}
