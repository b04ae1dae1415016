// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "cleanup.h"

extern char **environ;

static int spawn_into(const char *const argv[], int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int error;

	error = posix_spawn_file_actions_init(&actions);
	if (error)
		return -error;
	error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!error)
		error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
							 O_RDONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
							 O_WRONLY, 0);
	if (!error)
		error = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

/* To the end, so that the program does not die of a closed pipe. */
static void read_all(int fd, char *out, size_t room)
{
	char rest[4096];
	size_t used = 0;
	ssize_t count;

	do {
		bool full = used + 1 >= room;

		count = full ? read(fd, rest, sizeof(rest)) : read(fd, out + used, room - used - 1);
		if (count > 0 && !full)
			used += (size_t)count;
	} while (count > 0 || (count < 0 && errno == EINTR));
	out[used] = '\0';
}

int capture(const char *const argv[], char *out, size_t room)
{
	cleanup_fd int reading = -1, writing = -1;
	int fds[2], status, ret;
	pid_t pid = -1;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	reading = fds[0];
	writing = fds[1];
	setenv("LC_ALL", "C", 1);
	ret = spawn_into(argv, writing, &pid);
	if (ret < 0)
		return ret;
	writing = close_keep_errno(writing);
	read_all(reading, out, room);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}
