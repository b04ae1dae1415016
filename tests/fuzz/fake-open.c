// SPDX-License-Identifier: GPL-2.0-or-later
/* open(2), openat(2) and stat(2) that find the sections of an input. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "sections.h"

int __real_open(const char *path, int flags, ...);
int __real_openat(int directory, const char *path, int flags, ...);
int __real_stat(const char *path, struct stat *status);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...);
int __wrap_stat(const char *path, struct stat *status);

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

static int open_section(const struct section *section)
{
	int fd = memfd_create("section", MFD_CLOEXEC);

	property(fd >= 0);
	property(write(fd, section->data, section->size) == (ssize_t)section->size);
	property(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

int __wrap_openat(int directory, const char *path, int flags, ...)
{
	const struct section *section;
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	/* libFuzzer writes what it finds */
	if (!fake_files_armed() || (flags & O_ACCMODE) != O_RDONLY)
		return __real_openat(directory, path, flags, mode);
	/* the root of another process needs rights that a fuzzer may not have */
	if (!strcmp(path, "root"))
		return __real_open("/", flags);
	if (flags & (O_DIRECTORY | O_PATH))
		return __real_openat(directory, path, flags, mode);
	section = fake_files_find(path);
	if (section)
		return open_section(section);
	errno = ENOENT;
	return -1;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return __wrap_openat(AT_FDCWD, path, flags, mode);
}

int __wrap_stat(const char *path, struct stat *status)
{
	if (!fake_files_armed())
		return __real_stat(path, status);
	if (fake_files_find(path))
		return 0;
	errno = ENOENT;
	return -1;
}
