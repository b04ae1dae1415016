// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "read-all.h"

#define ROOM_FIRST 16384

/* It grows: of a large one that is hardly used the kernel may clear a huge page. */
static bool make_room(char **data, size_t *room, size_t most)
{
	size_t wanted = *room ? *room * 2 : ROOM_FIRST;
	char *more;

	if (wanted > most)
		wanted = most;
	more = realloc(*data, wanted);
	if (!more)
		return false;
	*data = more;
	*room = wanted;
	return true;
}

ssize_t read_all(int fd, size_t most, char **ret)
{
	cleanup_free char *data = NULL;
	size_t size = 0, room = 0;
	ssize_t n = 1;

	while (n != 0 && size < most) {
		if (size == room && !make_room(&data, &room, most))
			return -ENOMEM;
		n = read(fd, data + size, room - size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			size += (size_t)n;
	}
	*ret = take_ptr(data);
	return (ssize_t)size;
}
