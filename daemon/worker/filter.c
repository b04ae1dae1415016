// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The filter is applied before the process exists that the container can see, so
 * that nobody inside is there before it. Hence the lists also have what the worker's
 * own code does from there to exec.
 *
 * A search tree and not a chain: the kernel runs each filter once for every system
 * call there is when it is applied.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "filter.h"
#include "upcall.h"
#include "worker.h"

#if defined(__x86_64__)
#include <asm/prctl.h>

#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
/* cppcheck-suppress preprocessorErrorDirective ; it tries all branches */
#error "which architecture do system calls have here? see linux/audit.h"
#endif

#define ALLOW	   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY	   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(what))

/* Allowed whatever the arguments are. */
typedef uint32_t plain_rule;

/* Allowed where these bits of an argument have that value. */
struct argument_rule {
	uint32_t number;
	unsigned int argument;
	uint32_t mask;
	uint32_t value;
};

/* The kernel takes these arguments as 32 bits: there is nothing in the upper half. */
#define WHOLE UINT32_MAX

/* From the birth of who executes the program to its exec, and what any program needs. */
static const plain_rule common_plain[] = {
	/* ours, see enter.c */
	SYS_setsid, SYS_close, SYS_close_range, SYS_dup3,
#ifdef SYS_dup2
	SYS_dup2,
#endif
	/* the C library's start and end */
	SYS_brk, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_getrandom, SYS_set_tid_address,
	SYS_exit, SYS_exit_group,
	/* signals: without the last one a stopped process that goes on fails in its wait */
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_restart_syscall,
	/* files that are open, and the time */
	SYS_read, SYS_write, SYS_writev, SYS_lseek, SYS_fstat, SYS_newfstatat, SYS_clock_gettime,
	SYS_gettimeofday
};

static const struct argument_rule common_arguments[] = {
	/* the sibling's birth; with nothing that clone(2) could do besides */
	{ SYS_clone, 0, WHOLE, CLONE_PARENT },	   { SYS_ioctl, 1, WHOLE, UPCALL_IOC_TAGS },
	{ SYS_prctl, 0, WHOLE, PR_SET_PDEATHSIG }, { SYS_execveat, 4, WHOLE, AT_EMPTY_PATH },
	{ SYS_fcntl, 1, WHOLE, F_GETFD },	   { SYS_fcntl, 1, WHOLE, F_SETFD },
	{ SYS_fcntl, 1, WHOLE, F_GETFL },	   { SYS_fcntl, 1, WHOLE, F_SETFL },
#ifdef SYS_arch_prctl
	{ SYS_arch_prctl, 0, WHOLE, ARCH_SET_FS },
#endif
};

/* c-ares: hosts, resolv.conf, and talking to name servers. */
static const plain_rule dns_plain[] = {
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_ppoll,	SYS_connect,	SYS_sendto,	 SYS_recvfrom,	  SYS_sendmsg, SYS_recvmsg,
	SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_getpeername, SYS_uname
};

#define OPENS_TO_READ (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | __O_TMPFILE)

static const struct argument_rule dns_arguments[] = {
	{ SYS_openat, 2, OPENS_TO_READ, O_RDONLY },
	{ SYS_socket, 0, WHOLE, AF_INET },
	{ SYS_socket, 0, WHOLE, AF_INET6 },
	/* of a name server's scope, as in fe80::1%eth0 */
	{ SYS_ioctl, 1, WHOLE, SIOCGIFINDEX },
	{ SYS_ioctl, 1, WHOLE, SIOCGIFNAME },
};

/* What it is there to raise, and what it says of itself before it crashes. */
static const struct argument_rule probe_arguments[] = {
	{ SYS_add_key, 4, WHOLE, (uint32_t)KEY_SPEC_THREAD_KEYRING },
	{ SYS_request_key, 3, WHOLE, (uint32_t)KEY_SPEC_THREAD_KEYRING },
	{ SYS_socket, 0, WHOLE, AF_ASH },
	{ SYS_prctl, 0, WHOLE, PR_SET_NO_NEW_PRIVS },
	{ SYS_prctl, 0, WHOLE, PR_SET_SECCOMP },
	{ SYS_prctl, 0, WHOLE, PR_SET_DUMPABLE },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PLAIN_MAX 64
#define CODE_MAX  256
/* Below it a chain is as good. */
#define CHAIN_MAX 4

struct filter {
	struct sock_filter code[CODE_MAX];
	size_t size; /* may be beyond CODE_MAX: then it was too long */
};

static struct filter dns_filter, probe_filter;

static void put(struct filter *filter, struct sock_filter instruction)
{
	if (filter->size < CODE_MAX)
		filter->code[filter->size] = instruction;
	filter->size++;
}

/* Each is checked by itself, and leaves the number to the next. */
static void put_arguments(struct filter *filter, const struct argument_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct argument_rule *rule = &rules[i];
		size_t low =
			offsetof(struct seccomp_data, args) + rule->argument * sizeof(uint64_t);

		/* the lower half comes first: see ARCHITECTURE */
		put(filter,
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->number, 0, 5));
		put(filter, (struct sock_filter)LOAD(low));
		put(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->mask));
		put(filter,
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->value, 0, 1));
		put(filter, (struct sock_filter)ALLOW);
		put(filter, (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr)));
	}
}

static void put_chain(struct filter *filter, const plain_rule *sorted, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sorted[i],
							 (uint8_t)(count - i), 0));
	put(filter, (struct sock_filter)DENY);
	put(filter, (struct sock_filter)ALLOW);
}

/* A jump goes 255 instructions far at most, and a filter is no longer than that. */
static void put_tree(struct filter *filter, const plain_rule *sorted, size_t count)
{
	size_t half = count / 2, at = filter->size;

	if (count <= CHAIN_MAX) {
		put_chain(filter, sorted, count);
		return;
	}
	put(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, sorted[half], 0, 0));
	put_tree(filter, sorted, half);
	if (at < CODE_MAX)
		filter->code[at].jt = (uint8_t)(filter->size - at - 1);
	put_tree(filter, sorted + half, count - half);
}

static int plain_compare(const void *left, const void *right)
{
	const plain_rule *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static int filter_build(struct filter *filter, const plain_rule *more_plain, size_t plain_count,
			const struct argument_rule *more_arguments, size_t argument_count)
{
	plain_rule plain[PLAIN_MAX];
	size_t count = COUNT(common_plain) + plain_count;

	if (count > PLAIN_MAX)
		return -E2BIG;
	memcpy(plain, common_plain, sizeof(common_plain));
	if (plain_count > 0)
		memcpy(plain + COUNT(common_plain), more_plain, plain_count * sizeof(*plain));
	qsort(plain, count, sizeof(*plain), plain_compare);

	filter->size = 0;
	put(filter, (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch)));
	put(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
	put(filter, (struct sock_filter)DENY);
	/* x32 has numbers of its own, which are on no list */
	put(filter, (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr)));
	put_arguments(filter, common_arguments, COUNT(common_arguments));
	put_arguments(filter, more_arguments, argument_count);
	put_tree(filter, plain, count);
	return filter->size <= CODE_MAX ? 0 : -E2BIG;
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
	struct filter *filter = handler == WORKER_PROBE ? &probe_filter : &dns_filter;
	const struct sock_fprog program = { (unsigned short)filter->size, filter->code };

#ifdef UPCALL_SANITIZE
	/* a program that is built with a sanitizer asks for much more */
	(void)program;
	return 0;
#else
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
#endif
}
