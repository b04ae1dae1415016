// SPDX-License-Identifier: GPL-2.0-or-later
/* What a process can still do that has the filter of a program of ours. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "filter.h"
#include "worker.h"

#define KEY_RING(id) ((unsigned long)(id))
#define FD_NONE	     ((unsigned long)-1)

struct attempt {
	const char *desc;
	long number;
	unsigned long arguments[6];
	bool dns;
	bool probe;
};

/* Pointers are NULL and fds none: what is allowed fails with something else. */
static const struct attempt attempts[] = {
	{ "user namespace", SYS_unshare, { CLONE_NEWUSER }, false, false },
	{ "setns", SYS_setns, { FD_NONE }, false, false },
	{ "clone3", SYS_clone3, { 0, 64 }, false, false },
	{ "clone, user namespace",
	  SYS_clone,
	  { CLONE_PARENT | CLONE_NEWUSER | CLONE_THREAD },
	  false,
	  false },
	{ "ptrace", SYS_ptrace, { PTRACE_ATTACH, 0x7fffffff }, false, false },
	{ "mount", SYS_mount, { 0 }, false, false },
	{ "execve", SYS_execve, { 0 }, false, false },
	{ "execveat of a path", SYS_execveat, { FD_NONE, 0, 0, 0, 0 }, false, false },
	{ "execveat of an fd", SYS_execveat, { FD_NONE, 0, 0, 0, AT_EMPTY_PATH }, true, true },
	{ "open to read", SYS_openat, { FD_NONE, 0, O_RDONLY | O_CLOEXEC }, true, false },
	{ "open to write", SYS_openat, { FD_NONE, 0, O_WRONLY }, false, false },
	{ "open to create", SYS_openat, { FD_NONE, 0, O_RDONLY | O_CREAT }, false, false },
	{ "open to truncate", SYS_openat, { FD_NONE, 0, O_RDONLY | O_TRUNC }, false, false },
	{ "openat2", SYS_openat2, { FD_NONE }, false, false },
	/* a type that there is not: nothing is made */
	{ "AF_INET", SYS_socket, { AF_INET, 99 }, true, false },
	{ "AF_INET6", SYS_socket, { AF_INET6, 99 }, true, false },
	{ "AF_UNIX", SYS_socket, { AF_UNIX, 99 }, false, false },
	{ "AF_NETLINK", SYS_socket, { AF_NETLINK, 99 }, false, false },
	{ "AF_ASH", SYS_socket, { AF_ASH, 99 }, false, true },
	{ "AF_INET above bit 32", SYS_socket, { AF_UNIX | 1ul << 33, 99 }, false, false },
	{ "key into its thread's keyring",
	  SYS_add_key,
	  { 0, 0, 0, 0, KEY_RING(KEY_SPEC_THREAD_KEYRING) },
	  false,
	  true },
	{ "key into its user's keyring",
	  SYS_add_key,
	  { 0, 0, 0, 0, KEY_RING(KEY_SPEC_USER_KEYRING) },
	  false,
	  false },
	{ "keyctl", SYS_keyctl, { KEYCTL_JOIN_SESSION_KEYRING }, false, false },
	{ "bpf", SYS_bpf, { 0 }, false, false },
	{ "ioctl", SYS_ioctl, { FD_NONE, 0x5412 /* TIOCSTI */ }, false, false },
	{ "read", SYS_read, { FD_NONE }, true, true },
	{ "x32's getpid", 0x40000000 | SYS_getpid, { 0 }, false, false },
};

#define COUNT (sizeof(attempts) / sizeof(attempts[0]))

/* An errno of each attempt, 0: it worked. */
static int *made;

static void attempts_make(unsigned int handler)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_apply(handler) < 0)
		_exit(1);
	for (size_t i = 0; i < COUNT; i++) {
		const unsigned long *a = attempts[i].arguments;

		made[i] = syscall(attempts[i].number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ?
				  errno :
				  0;
	}
	_exit(0);
}

static void filter_test(unsigned int handler)
{
	int status;
	pid_t pid;

#ifdef UPCALL_SANITIZE
	skip();
#endif
	assert_int_equal(filter_init(), 0);
	made = mmap(NULL, COUNT * sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	assert_ptr_not_equal(made, MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		attempts_make(handler);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (size_t i = 0; i < COUNT; i++) {
		bool allowed = handler == WORKER_PROBE ? attempts[i].probe : attempts[i].dns;

		if ((made[i] != EPERM) != allowed)
			fail_msg("%s: errno %d, it is %s", attempts[i].desc, made[i],
				 allowed ? "allowed" : "not allowed");
	}
	munmap(made, COUNT * sizeof(*made));
}

static void test_dns(void **state)
{
	(void)state;
	filter_test(WORKER_ANSWER_DNS);
}

static void test_probe(void **state)
{
	(void)state;
	filter_test(WORKER_PROBE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
