// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Moves a process to and fro between two cgroups
 *
 * mover PID CGROUP CGROUP
 *
 * Goes on until SIGTERM, then prints how often it has done so.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static int procs_open(const char *cgroup)
{
	char path[256];

	snprintf(path, sizeof(path), "%.200s/cgroup.procs", cgroup);
	return open(path, O_WRONLY);
}

int main(int argc, char **argv)
{
	unsigned long moves = 0;
	int fds[2];

	if (argc != 4)
		return 2;
	fds[0] = procs_open(argv[2]);
	fds[1] = procs_open(argv[3]);
	signal(SIGTERM, end);
	while (!ended && write(fds[moves % 2], argv[1], strlen(argv[1])) > 0)
		moves++;
	if (!ended)
		perror("mover");
	printf("%lu\n", moves);
	return !ended;
}
