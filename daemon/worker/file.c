// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "file.h"

int file_read(int directory, const char *path, char *ret, size_t room)
{
	cleanup_fd int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t size = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t got = read(fd, ret + size, room - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		size += (size_t)got;
		if (size == room)
			return -EFBIG;
	}
	ret[size] = '\0';
	return memchr(ret, '\0', size) ? -EBADMSG : 0;
}

int file_write_fd(int fd, const char *text)
{
	size_t size = strlen(text);
	ssize_t put = write(fd, text, size);

	if (put < 0)
		return -errno;
	return (size_t)put == size ? 0 : -EIO;
}

int file_write(int directory, const char *path, const char *text)
{
	cleanup_fd int fd = openat(directory, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : file_write_fd(fd, text);
}

int file_check_system(int fd, int64_t magic)
{
	struct statfs system;

	if (fstatfs(fd, &system) < 0)
		return -errno;
	return system.f_type == magic ? 0 : -ENOTTY;
}
