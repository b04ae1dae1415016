// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcall-probe CLASS [ARGUMENT]... - raises one upcall, for 'upcallctl test'
 *
 *   core                     crashes
 *   key TYPE DESCRIPTION     request_key(2)
 *   module                   socket(2) of a family that never had a module
 *
 * Runs inside the container, as its root without any capability, and without its
 * seccomp filter, but with one of the worker's that leaves it no more than is needed
 * here (daemon/worker/filter.c). It takes only what is on its command line. Output
 * but for core: "ERRNO MICROSECONDS", of its one system call.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CALLOUT "upcallctl-test"
/* Reserved for Ash; the kernel has never had such a family, and no module has its alias. */
#define FAMILY_WITHOUT_MODULE AF_ASH

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

enum status {
	STATUS_ASKED = 0,
	STATUS_USAGE = 2,
	STATUS_CANNOT = 3,
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int answered(int64_t begun, long ret)
{
	int error = ret < 0 ? errno : 0;

	return printf("%d %lld\n", error, (long long)(now_us() - begun)) < 0 || fflush(stdout) ?
		       STATUS_CANNOT :
		       STATUS_ASKED;
}

/* A type that nobody has registered fails like a key that nobody has. */
static bool type_exists(const char *type)
{
	return syscall(SYS_add_key, type, CALLOUT, "", 1, KEY_SPEC_THREAD_KEYRING) >= 0 ||
	       errno != ENODEV;
}

/* Into a keyring that ends with us. */
static int ask_key(const char *type, const char *description)
{
	int64_t begun;

	if (!type_exists(type)) {
		fprintf(stderr, "upcall-probe: no keys of type %s are known here\n", type);
		return STATUS_CANNOT;
	}
	begun = now_us();
	return answered(begun, syscall(SYS_request_key, type, description, CALLOUT,
				       KEY_SPEC_THREAD_KEYRING));
}

static int ask_module(void)
{
	int64_t begun = now_us();

	return answered(begun, socket(FAMILY_WITHOUT_MODULE, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

#ifdef ARCHITECTURE
/* From here on nothing is left to whoever traces us but prctl(2) and the end. */
static int confine(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static int crash(void)
{
	/* ORDER: a program that nobody may read dumps no core, until it can be traced as well */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || confine() < 0 ||
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return STATUS_CANNOT;
	__builtin_trap();
}
#else
static int crash(void)
{
	fputs("upcall-probe: core: not on this machine's architecture\n", stderr);
	return STATUS_CANNOT;
}
#endif

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "core") == 0)
		return crash();
	if (argc == 4 && strcmp(argv[1], "key") == 0)
		return ask_key(argv[2], argv[3]);
	if (argc == 2 && strcmp(argv[1], "module") == 0)
		return ask_module();
	fputs("usage: upcall-probe core | key TYPE DESCRIPTION | module\n"
	      "Started by upcall-worker; not for use by hand.\n",
	      stderr);
	return STATUS_USAGE;
}
