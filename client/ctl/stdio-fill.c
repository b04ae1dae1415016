// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "stdio-fill.h"

int stdio_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* what is printed is not lost without a word, no more than where it is closed */
		const int mode = fd == STDOUT_FILENO ? O_RDONLY : O_RDWR;

		/* those below it are open, so it is this one; a program that we become has it
		 * closed */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode | O_CLOEXEC) < 0)
			return -errno;
	}
	return 0;
}
