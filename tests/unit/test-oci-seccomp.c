// SPDX-License-Identifier: GPL-2.0-or-later
/* The filter of a bundle: what it does to who runs under it, and what is none. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "oci-seccomp.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CONFIG(text) "{\"linux\":{\"seccomp\":{" text "}}}"
#define ALLOWED	     "\"defaultAction\":\"SCMP_ACT_ALLOW\""
#define REFUSED	     "\"action\":\"SCMP_ACT_ERRNO\""

#define COMPARED(op, value)                                                                \
	CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getpriority\"]," REFUSED              \
		       ",\"args\":[{\"index\":0,\"value\":" value ",\"op\":\"SCMP_CMP_" op \
		       "\"}]}]")

static int errno_of(long r)
{
	return r < 0 ? errno : 0;
}

static int do_getppid(void)
{
	return errno_of(syscall(SYS_getppid));
}

static void on_sys(int signal)
{
	(void)signal;
	syscall(SYS_exit_group, 77);
}

static int do_trapped(void)
{
	(void)signal(SIGSYS, on_sys);
	return do_getppid();
}

static int do_getpriority(void)
{
	return errno_of(syscall(SYS_getpriority, PRIO_PROCESS, 0));
}

static int do_getpriority_user(void)
{
	return errno_of(syscall(SYS_getpriority, PRIO_USER, 0));
}

static int do_personality(void)
{
	return errno_of(syscall(SYS_personality, 0xffffffff));
}

static int do_personality_zero(void)
{
	return errno_of(syscall(SYS_personality, 0));
}

#define KILLED(signal) (1000 + (signal))

static const struct {
	const char *config;
	int (*call)(void);
	int expected; /* errno, or KILLED() */
} good[] = {
	{ CONFIG(ALLOWED), do_getppid, 0 },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getppid\"]," REFUSED "}]"), do_getppid,
	  EPERM },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getppid\"]," REFUSED ",\"errnoRet\":42}]"),
	  do_getppid, 42 },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getppid\"]," REFUSED ",\"errnoRet\":42}]"),
	  do_personality, 0 },
	/* what libseccomp does not know, and what is done anyway */
	{ CONFIG("\"defaultAction\":\"SCMP_ACT_TRAP\",\"syscalls\":[{\"names\":[\"no_such\",\"getppid\",\"exit_group\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\"}]"),
	  do_getppid, 0 },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_ALLOW\"}]"),
	  do_getppid, 0 },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_KILL\"}]"),
	  do_getppid, KILLED(SIGSYS) },
	{ CONFIG(ALLOWED
		 ",\"syscalls\":[{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_KILL_THREAD\"}]"),
	  do_getppid, KILLED(SIGSYS) },
	{ CONFIG(ALLOWED
		 ",\"syscalls\":[{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"}]"),
	  do_getppid, KILLED(SIGSYS) },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_TRAP\"}]"),
	  do_trapped, 77 },
	/* nobody traces */
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_TRACE\"}]"),
	  do_getppid, ENOSYS },
	{ CONFIG("\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"names\":[\"getppid\",\"exit_group\"],"
		 "\"action\":\"SCMP_ACT_LOG\"}]"),
	  do_getppid, 0 },
	/* comparisons, with PRIO_USER, which is 2 */
	{ COMPARED("NE", "2"), do_getpriority_user, 0 },
	{ COMPARED("NE", "1"), do_getpriority_user, EPERM },
	{ COMPARED("LT", "2"), do_getpriority_user, 0 },
	{ COMPARED("LT", "3"), do_getpriority_user, EPERM },
	{ COMPARED("LE", "1"), do_getpriority_user, 0 },
	{ COMPARED("LE", "2"), do_getpriority_user, EPERM },
	{ COMPARED("GE", "3"), do_getpriority_user, 0 },
	{ COMPARED("GE", "2"), do_getpriority_user, EPERM },
	{ COMPARED("GT", "2"), do_getpriority_user, 0 },
	{ COMPARED("GT", "1"), do_getpriority_user, EPERM },
	/* arguments: all of them, or any where several are of one */
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"personality\"]," REFUSED
			 ",\"args\":[{\"index\":0,\"value\":4294967295,\"op\":\"SCMP_CMP_EQ\"}]}]"),
	  do_personality, EPERM },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"personality\"]," REFUSED
			 ",\"args\":[{\"index\":0,\"value\":4294967295,\"op\":\"SCMP_CMP_EQ\"}]}]"),
	  do_personality_zero, 0 },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getpriority\"]," REFUSED
			 ",\"args\":[{\"index\":0,\"value\":0,\"op\":\"SCMP_CMP_EQ\"},"
			 "{\"index\":1,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]"),
	  do_getpriority, 0 },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"getpriority\"]," REFUSED
			 ",\"args\":[{\"index\":0,\"value\":0,\"op\":\"SCMP_CMP_EQ\"},"
			 "{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]}]"),
	  do_getpriority_user, EPERM },
	{ CONFIG(ALLOWED
		 ",\"syscalls\":[{\"names\":[\"personality\"]," REFUSED
		 ",\"args\":[{\"index\":0,\"value\":255,\"valueTwo\":255,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]"),
	  do_personality, EPERM },
	{ CONFIG(ALLOWED
		 ",\"syscalls\":[{\"names\":[\"personality\"]," REFUSED
		 ",\"args\":[{\"index\":0,\"value\":18446744073709551615,\"op\":\"SCMP_CMP_LT\"}]}]"),
	  do_personality_zero, EPERM },
	{ CONFIG("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
		 "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_AARCH64\"],"
		 "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":[{\"names\":[\"exit_group\",\"exit\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\"}]"),
	  do_getppid, ENOSYS },
};

/* In a child, which ends with what the call did. */
static int run_under(const struct oci_filter *filter, int (*call)(void))
{
	const struct sock_fprog program = {
		(unsigned short)(filter->size / sizeof(struct sock_filter)), filter->code
	};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
			_exit(255);
		/* not _exit(), which a sanitizer does more in */
		syscall(SYS_exit_group, call());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED(WTERMSIG(status));
}

static void test_good(void **state)
{
	char reason[OCI_REASON_SIZE];
	struct oci_filter filter;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		reason[0] = '\0';
		print_message("%s\n", good[i].config);
		assert_int_equal(
			oci_seccomp(good[i].config, strlen(good[i].config), &filter, reason), 0);
		assert_true(filter.size > 0);
		assert_int_equal(run_under(&filter, good[i].call), good[i].expected);
		oci_filter_clear(&filter);
	}
}

static void test_none(void **state)
{
	static const char *const texts[] = { "{}",
					     "{\"linux\":{}}",
					     "{\"linux\":null}",
					     "{\"linux\":{\"seccomp\":null}}",
					     "{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\"}}",
					     "{\"annotations\":{\"linux\":{\"seccomp\":7}}}" };
	char reason[OCI_REASON_SIZE];
	struct oci_filter filter;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(oci_seccomp(texts[i], strlen(texts[i]), &filter, reason), 0);
		assert_int_equal(filter.size, 0);
		assert_null(filter.code);
	}
}

static const struct {
	const char *config;
	const char *reason; /* a part of it */
} bad[] = {
	{ "", "empty" },
	{ "{\"linux\":7}", "linux: no object" },
	{ "{\"linux\":{\"seccomp\":[]}}", "seccomp: no object" },
	{ CONFIG(""), "linux.seccomp.defaultAction: missing" },
	{ "{\"annotations\":{\"run.oci.seccomp_bpf_data\":\"\"}}", "is another filter" },
	{ CONFIG("\"defaultAction\":7"), "defaultAction: no string" },
	{ CONFIG("\"defaultAction\":\"SCMP_ACT_NOTIFY\""),
	  "defaultAction: no action that a filter can do alone: SCMP_ACT_NOTIFY" },
	{ CONFIG("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":-1"),
	  "defaultErrnoRet: not from 0" },
	{ CONFIG("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096"),
	  "defaultErrnoRet: not from 0" },
	{ CONFIG(ALLOWED ",\"architectures\":[\"SCMP_ARCH_PDP11\"]"), "architectures: one" },
	{ CONFIG(ALLOWED ",\"architectures\":[7]"), "architectures: one" },
	{ CONFIG(ALLOWED ",\"architectures\":\"SCMP_ARCH_X86\""), "architectures: no array" },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"no_such\"]," REFUSED "}]"),
	  "names: no_such: to be refused, and libseccomp does not know it" },
	{ CONFIG(ALLOWED ",\"syscalls\":{}"), "syscalls: no array" },
	{ CONFIG(ALLOWED ",\"syscalls\":[7]"), "syscalls[0].no object" },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[\"read\"]}]"), "syscalls[0].action: missing" },
	{ CONFIG(ALLOWED ",\"syscalls\":[{" REFUSED "}]"), "syscalls[0].names: missing" },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[7]," REFUSED "}]"),
	  "syscalls[0].names: no strings" },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[]," REFUSED ",\"args\":[7]}]"),
	  "syscalls[0].args: no objects" },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[]," REFUSED ",\"args\":[{\"index\":6,"
			 "\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]"),
	  "index: not less than 6" },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[]," REFUSED ",\"args\":[{\"index\":0,"
			 "\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]}]"),
	  "value: less than 0" },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[]," REFUSED ",\"args\":[{\"index\":0,"
			 "\"value\":1,\"op\":\"==\"}]}]"),
	  "op: missing, or none" },
	{ CONFIG(ALLOWED ",\"syscalls\":[{\"names\":[]," REFUSED
			 ",\"args\":[{},{},{},{},{},{},{}]}]"),
	  "args: more than 6" },
};

static void test_bad(void **state)
{
	char reason[OCI_REASON_SIZE];
	struct oci_filter filter;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		print_message("%s\n", bad[i].config);
		assert_int_equal(oci_seccomp(bad[i].config, strlen(bad[i].config), &filter, reason),
				 -EBADMSG);
		print_message("  %s\n", reason);
		assert_non_null(strstr(reason, bad[i].reason));
		assert_null(filter.code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
