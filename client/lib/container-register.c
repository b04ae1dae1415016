// SPDX-License-Identifier: LGPL-2.1-or-later
/* A container that we made, told to upcalld. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "connection.h"
#include "keeper-ask.h"
#include "libupcall-container.h"

/*
 * As upcalld wants it: below the mount. -ENOENT: it is not to be seen from here, and the
 * first process's own is the boundary.
 */
static int cgroup_path(int cgroup, char path[PATH_MAX])
{
	static const char *const mounts[] = { "/sys/fs/cgroup/unified/", "/sys/fs/cgroup/" };
	char link[64], full[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", cgroup);
	n = readlink(link, full, sizeof(full) - 1);
	if (n < 0 || n == sizeof(full) - 1)
		return -ENOENT;
	full[n] = '\0';
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		size_t length = strlen(mounts[i]);

		if (strncmp(full, mounts[i], length))
			continue;
		snprintf(path, PATH_MAX, "/%s", full + length);
		return 0;
	}
	return -ENOENT;
}

UPCALL_EXPORT int upcall_register_container(struct upcall_connection *connection, const char *name,
					    int fd, const struct upcall_register_options *options,
					    struct upcall_entry **ret)
{
	struct upcall_register_options filled = { 0 };
	owned_info struct keeper_info info = { -1, -1, "" };
	char path[PATH_MAX];
	int r;

	r = connection_begin(connection);
	if (r < 0)
		return r;
	r = keeper_info(fd, &info);
	if (r >= 0 && info.first < 0)
		r = -ECHILD;
	if (r < 0)
		return connection_fail(connection, r, "cannot reach the container: %s",
				       strerror(-r));
	if (options)
		filled = *options;
	if (!filled.cgroup && info.cgroup >= 0 && !cgroup_path(info.cgroup, path))
		filled.cgroup = path;
	return upcall_register(connection, name ?: info.name, info.first, &filled, ret);
}
