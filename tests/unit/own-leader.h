/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A leader in a namespace of its own, as a container's is. */
#ifndef TEST_OWN_LEADER_H
#define TEST_OWN_LEADER_H

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* It is in there as soon as it is. Negative: that is not allowed here. */
static inline pid_t own_leader(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0);

	if (pid < 0)
		pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		pause();
		_exit(0);
	}
	return pid;
}

#endif
