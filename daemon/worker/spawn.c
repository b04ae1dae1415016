// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Forking
 *
 * A plain fork: memory shared with a child that is inside a container would need
 * a proof that it is safe. The cgroup is joined by clone3() itself, so there is
 * no instruction of the child's that is charged to the host. The raw system
 * call is fine for a process of one thread.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "spawn.h"

int spawn(int leaf_fd, struct process *ret)
{
	int pidfd = -1;
	struct clone_args arguments = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (leaf_fd >= 0) {
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = (uint64_t)leaf_fd;
	}
	pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (pid == 0)
		return 1;
	if (pid < 0)
		return -errno;
	*ret = (struct process){ .pid = (pid_t)pid, .pidfd = pidfd };
	return 0;
}

int spawn_sibling(pid_t *ret)
{
	struct clone_args arguments = { .flags = CLONE_PARENT };
	long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));

	if (pid == 0)
		return 1;
	if (pid < 0)
		return -errno;
	*ret = (pid_t)pid;
	return 0;
}

int process_adopt(pid_t pid, struct process *ret)
{
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	siginfo_t info;

	if (pidfd < 0)
		return -errno;
	/* only looks, and fails where it is no child of ours */
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return -errno;
	*ret = (struct process){ .pid = pid, .pidfd = take_fd(&pidfd) };
	return 0;
}

void process_kill(const struct process *process)
{
	if (process->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
}
