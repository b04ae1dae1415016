// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many small containers, to be registered
 *
 * crowd COUNT FILE
 *
 * Starts COUNT processes, each the init of a pid namespace in a user namespace
 * of its own, and then creates FILE with their pids, one a line. They end with
 * it.
 */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t member_start(void)
{
	const unsigned long flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | SIGCHLD;
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

int main(int argc, char **argv)
{
	int count;
	FILE *list;

	if (argc != 3)
		return 2;
	count = atoi(argv[1]);
	/* who is killed is gone */
	signal(SIGCHLD, SIG_IGN);
	list = fopen("crowd.new", "w");
	if (!list)
		return 1;
	for (int i = 0; i < count; i++) {
		pid_t pid = member_start();

		if (pid < 0) {
			perror("crowd: clone");
			return 1;
		}
		fprintf(list, "%d\n", pid);
		fflush(list);
	}
	if (fclose(list) || rename("crowd.new", argv[2])) {
		perror(argv[2]);
		return 1;
	}
	for (;;)
		pause();
}
