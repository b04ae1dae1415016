/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A local that owns an fd. errno stays. */
#ifndef LIBUPCALL_OWNED_H
#define LIBUPCALL_OWNED_H

#include <errno.h>
#include <unistd.h>

static inline void owned_fd_close(int *fd)
{
	int error = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = error;
}
#define owned_fd __attribute__((cleanup(owned_fd_close)))

static inline int owned_fd_give(int *fd)
{
	int given = *fd;

	*fd = -1;
	return given;
}

#endif
