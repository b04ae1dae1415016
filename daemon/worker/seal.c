// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "seal.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

extern char **environ;

static int memory_create(const char *name)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_EXEC);

	/* MFD_EXEC has to be said from 6.3 on and is not understood before */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	return fd < 0 ? -errno : fd;
}

static int bytes_copy(int from, int to)
{
	struct stat status;
	off_t left;

	if (fstat(from, &status) < 0)
		return -errno;
	for (left = status.st_size; left > 0;) {
		ssize_t done = sendfile(to, from, NULL, (size_t)left);

		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		left -= done;
	}
	return 0;
}

int seal_file(const char *path, const char *name)
{
	cleanup_fd int file = open(path, O_RDONLY | O_CLOEXEC), memory = -1;
	int ret;

	if (file < 0)
		return -errno;
	memory = memory_create(name);
	if (memory < 0)
		return take_fd(&memory);
	ret = bytes_copy(file, memory);
	if (ret < 0)
		return ret;
	/*
	 * Who executes what it cannot read is not to be traced from its user namespace,
	 * from exec on. Where there is none, the filter is what is left: see filter.h.
	 */
	if (fchmod(memory, 0111) < 0 || fcntl(memory, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return take_fd(&memory);
}

static int self_is_sealed(void)
{
	cleanup_fd int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals;

	if (fd < 0)
		return -errno;
	seals = fcntl(fd, F_GET_SEALS);
	/* EINVAL: a file of a file system that knows no seals */
	if (seals < 0)
		return errno == EINVAL ? 0 : -errno;
	return (seals & SEALS) == SEALS;
}

int seal_self(char *const argv[])
{
	cleanup_fd int memory = -1;
	int ret = self_is_sealed();

	if (ret != 0)
		return ret < 0 ? ret : 0;
	memory = seal_file("/proc/self/exe", "upcall-worker");
	if (memory < 0)
		return take_fd(&memory);
	fexecve(memory, argv, environ);
	return -errno;
}
