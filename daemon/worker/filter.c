// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The filter is applied before the process exists that the container can see, so
 * that nobody inside is there before it. Hence the lists also have what the worker's
 * own code does from there to exec.
 */
#ifdef __x86_64__
#include <asm/prctl.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "filter.h"
#include "upcall.h"
#include "worker.h"

/* Allowed whatever the arguments are. */
typedef int plain_rule;

/* Allowed where these bits of an argument have that value. */
struct argument_rule {
	int number;
	unsigned int argument;
	uint32_t mask;
	uint32_t value;
};

/* The kernel takes these arguments as 32 bits: there is nothing in the upper half. */
#define WHOLE UINT32_MAX

/* From the birth of who executes the program to its exec, and what any program needs. */
static const plain_rule common_plain[] = {
	/* ours, see enter.c */
	SCMP_SYS(setsid), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup3), SCMP_SYS(dup2),
	/* the C library's start and end */
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mprotect), SCMP_SYS(mremap),
	SCMP_SYS(getrandom), SCMP_SYS(set_tid_address), SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* signals: without the last one a stopped process that goes on fails in its wait */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	/* files that are open, and the time */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday)
};

static const struct argument_rule common_arguments[] = {
	/* the sibling's birth; with nothing that clone(2) could do besides */
	{ SCMP_SYS(clone), 0, WHOLE, CLONE_PARENT },
	{ SCMP_SYS(ioctl), 1, WHOLE, UPCALL_IOC_TAGS },
	{ SCMP_SYS(prctl), 0, WHOLE, PR_SET_PDEATHSIG },
	{ SCMP_SYS(execveat), 4, WHOLE, AT_EMPTY_PATH },
	{ SCMP_SYS(fcntl), 1, WHOLE, F_GETFD },
	{ SCMP_SYS(fcntl), 1, WHOLE, F_SETFD },
	{ SCMP_SYS(fcntl), 1, WHOLE, F_GETFL },
	{ SCMP_SYS(fcntl), 1, WHOLE, F_SETFL },
#ifdef ARCH_SET_FS
	{ SCMP_SYS(arch_prctl), 0, WHOLE, ARCH_SET_FS },
#endif
};

/* c-ares: hosts, resolv.conf, and talking to name servers. */
static const plain_rule dns_plain[] = {
	SCMP_SYS(poll),	      SCMP_SYS(ppoll),	     SCMP_SYS(connect),	    SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),   SCMP_SYS(sendmsg),     SCMP_SYS(recvmsg),	    SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(uname)
};

#define OPENS_TO_READ (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | __O_TMPFILE)

static const struct argument_rule dns_arguments[] = {
	{ SCMP_SYS(openat), 2, OPENS_TO_READ, O_RDONLY },
	{ SCMP_SYS(socket), 0, WHOLE, AF_INET },
	{ SCMP_SYS(socket), 0, WHOLE, AF_INET6 },
	/* of a name server's scope, as in fe80::1%eth0 */
	{ SCMP_SYS(ioctl), 1, WHOLE, SIOCGIFINDEX },
	{ SCMP_SYS(ioctl), 1, WHOLE, SIOCGIFNAME },
};

/* What it is there to raise, and what it says of itself before it crashes. */
static const struct argument_rule probe_arguments[] = {
	{ SCMP_SYS(add_key), 4, WHOLE, (uint32_t)KEY_SPEC_THREAD_KEYRING },
	{ SCMP_SYS(request_key), 3, WHOLE, (uint32_t)KEY_SPEC_THREAD_KEYRING },
	{ SCMP_SYS(socket), 0, WHOLE, AF_ASH },
	{ SCMP_SYS(prctl), 0, WHOLE, PR_SET_NO_NEW_PRIVS },
	{ SCMP_SYS(prctl), 0, WHOLE, PR_SET_SECCOMP },
	{ SCMP_SYS(prctl), 0, WHOLE, PR_SET_DUMPABLE },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A search tree, not a chain: applying a filter, the kernel runs it for each system call there is. */
#define OPTIMIZE_TREE 2

struct filter {
	struct sock_filter *code; /* owned, for as long as the worker runs */
	unsigned short count;
};

static struct filter dns_filter, probe_filter;

static int plain_add(scmp_filter_ctx context, const plain_rule *rules, size_t count)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = seccomp_rule_add(context, SCMP_ACT_ALLOW, rules[i], 0);
	return ret;
}

static int arguments_add(scmp_filter_ctx context, const struct argument_rule *rules, size_t count)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < count; i++) {
		const struct argument_rule *rule = &rules[i];

		ret = seccomp_rule_add(context, SCMP_ACT_ALLOW, rule->number, 1,
				       SCMP_CMP(rule->argument, SCMP_CMP_MASKED_EQ, rule->mask,
						rule->value));
	}
	return ret;
}

/* Other architectures have other numbers, and none of them is on a list. */
static scmp_filter_ctx context_new(void)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (context &&
	    seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)) == 0 &&
	    seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_TREE) == 0 &&
	    plain_add(context, common_plain, COUNT(common_plain)) == 0 &&
	    arguments_add(context, common_arguments, COUNT(common_arguments)) == 0)
		return context;
	seccomp_release(context);
	return NULL;
}

/* Kept: the library would have to be asked again in each child. */
static int filter_export(scmp_filter_ctx context, struct filter *filter)
{
	cleanup_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	cleanup_free struct sock_filter *code = NULL;
	struct stat status;
	int ret;

	if (fd < 0)
		return -errno;
	ret = seccomp_export_bpf(context, fd);
	if (ret < 0)
		return ret;
	if (fstat(fd, &status) < 0)
		return -errno;
	if ((size_t)status.st_size > BPF_MAXINSNS * sizeof(*code))
		return -E2BIG;
	code = malloc((size_t)status.st_size);
	if (!code)
		return -ENOMEM;
	if (pread(fd, code, (size_t)status.st_size, 0) != status.st_size)
		return -EIO;
	filter->count = (unsigned short)((size_t)status.st_size / sizeof(*code));
	filter->code = code;
	code = NULL;
	return 0;
}

static int filter_build(struct filter *filter, const plain_rule *plain, size_t plain_count,
			const struct argument_rule *arguments, size_t argument_count)
{
	scmp_filter_ctx context = context_new();
	int ret;

	if (!context)
		return -EINVAL;
	ret = plain_add(context, plain, plain_count);
	if (ret == 0)
		ret = arguments_add(context, arguments, argument_count);
	if (ret == 0)
		ret = filter_export(context, filter);
	seccomp_release(context);
	return ret;
}

int filter_init(void)
{
	int ret = filter_build(&dns_filter, dns_plain, COUNT(dns_plain), dns_arguments,
			       COUNT(dns_arguments));

	return ret < 0 ? ret :
			 filter_build(&probe_filter, NULL, 0, probe_arguments,
				      COUNT(probe_arguments));
}

int filter_apply(unsigned int handler)
{
	const struct filter *filter = handler == WORKER_PROBE ? &probe_filter : &dns_filter;
	const struct sock_fprog program = { filter->count, filter->code };

#ifdef UPCALL_SANITIZE
	/* a program that is built with a sanitizer asks for much more */
	(void)program;
	return 0;
#else
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
#endif
}
