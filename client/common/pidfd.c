// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pidfd.h"

pid_t pidfd_to_pid(int dir, const char *fdinfo, int pidfd)
{
	char path[64], text[1024];
	const char *line;
	ssize_t n;
	int fd, pid, error;

	snprintf(path, sizeof(path), "%s/%d", fdinfo, pidfd);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	error = errno;
	close(fd);
	if (n < 0)
		return -error;
	text[n] = '\0';
	line = strstr(text, "\nPid:");
	return line && sscanf(line, "\nPid: %d", &pid) == 1 && pid > 0 ? pid : -ESRCH;
}
