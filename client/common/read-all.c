// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "read-all.h"

ssize_t read_all(int fd, void *data, size_t room)
{
	size_t size = 0;
	ssize_t n;

	while (size < room) {
		n = read(fd, (char *)data + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	return (ssize_t)size;
}
