// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A handler that does nothing until /gate/open exists, and opens nothing but it
 *
 * Reads what is on its standard input (a core dump) after that, so that the
 * dumper ends. Exit status: the content of /gate/exit, if there is one.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	char buffer[65536];
	int fd;

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
