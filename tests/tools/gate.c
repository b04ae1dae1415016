// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A handler that does nothing until /gate/open exists, and opens nothing but it
 *
 * But first it adds its first argument to /gate/ran as a line, if there is that
 * file: who it is for, of a core dump the pid, of a release agent the cgroup. Reads
 * what is on its standard input (a core dump) in the end, so that the dumper ends.
 * Exit status: the content of /gate/exit, if there is one.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One write(2), so that lines of others do not mix with it. */
static int note(const char *who)
{
	char line[256];
	size_t length = strlen(who);
	int fd = open("/gate/ran", O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (length + 1 > sizeof(line))
		return -1;
	memcpy(line, who, length);
	line[length++] = '\n';
	return write(fd, line, length) == (ssize_t)length ? close(fd) : -1;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	char buffer[65536];
	int fd;

	if (argc > 1 && note(argv[1]))
		return 1;
	while (access("/gate/open", F_OK))
		nanosleep(&pause, NULL);
	while (read(0, buffer, sizeof(buffer)) > 0)
		;
	fd = open("/gate/exit", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	buffer[0] = 0;
	if (read(fd, buffer, 15) < 0)
		return 1;
	return atoi(buffer);
}
