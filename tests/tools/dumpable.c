// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Is a process dumpable? Nothing in /proc says it
 *
 * dumpable PID: tries to trace it, with all capabilities at hand (so that the
 * target's are no reason to refuse) but CAP_SYS_PTRACE not in effect (which
 * would be a reason to allow). What is left is the dumpable flag. Prints yes or
 * no. Run as root; a target of root's.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	pid_t pid;

	if (argc != 2)
		return 2;
	pid = (pid_t)strtol(argv[1], NULL, 10);
	if (syscall(SYS_capget, &header, data) < 0)
		return 1;
	data[0].effective &= ~(1U << CAP_SYS_PTRACE);
	if (syscall(SYS_capset, &header, data) < 0)
		return 1;
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0) {
		if (errno != EPERM) {
			perror("dumpable: PTRACE_SEIZE");
			return 1;
		}
		puts("no");
		return 0;
	}
	/* ended with the tracer */
	puts("yes");
	return 0;
}
