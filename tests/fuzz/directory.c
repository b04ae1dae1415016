// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "directory.h"
#include "fuzz.h"

static char path[64];

static int remove_entry(const char *name, const struct stat *status, int type, struct FTW *walk)
{
	return walk->level > 0 ? remove(name) : 0;
}

void directory_clear(void)
{
	property(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

static void remove_all(void)
{
	directory_clear();
	(void)rmdir(path);
}

const char *directory_path(void)
{
	struct stat status;

	if (path[0])
		return path;
	(void)snprintf(path, sizeof(path), "%s/upcall-fuzz-XXXXXX",
		       stat("/dev/shm", &status) == 0 ? "/dev/shm" : "/tmp");
	property(mkdtemp(path));
	property(atexit(remove_all) == 0);
	return path;
}

/* With its parents, by open(2) with `how` besides. */
static int write_file(const char *name, int how, const void *data, size_t size)
{
	char full[256];
	int fd;

	if (snprintf(full, sizeof(full), "%s/%s", directory_path(), name) >= (int)sizeof(full) ||
	    strstr(full, ".."))
		return -1;
	for (char *slash = full + strlen(path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(full, 0755);
		*slash = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | how, 0644);
	if (fd < 0)
		return -1;
	property(write(fd, data, size) == (ssize_t)size);
	close(fd);
	return 0;
}

int directory_write(const char *name, const void *data, size_t size)
{
	return write_file(name, O_TRUNC, data, size);
}

int directory_add(const char *name, const void *data, size_t size)
{
	return write_file(name, O_EXCL, data, size);
}
