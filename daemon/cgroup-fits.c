// SPDX-License-Identifier: GPL-2.0-or-later
/* Patterns of cgroups' paths: for the daemon and for upcallctl. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"

/* How much of the path has as many components as the pattern, which begins with a slash; 0: less. */
static size_t same_depth(const char *pattern, const char *path)
{
	const char *end = path;

	for (pattern = strchr(pattern + 1, '/'); pattern; pattern = strchr(pattern + 1, '/')) {
		end = strchr(end, '/');
		if (!end)
			return 0;
		end++;
	}
	return (size_t)(end - path) + strcspn(end, "/");
}

/* Nobody but root makes folders in it. */
static bool is_roots(const char *directory)
{
	struct stat st;

	return stat(directory, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

bool cgroup_is_hosts(const char *path)
{
	char directory[sizeof(CGROUP_ROOT) + CGROUP_PATH_MAX + 1];
	char *end = directory + sizeof(CGROUP_ROOT) - 1;

	if (strlen(path) > CGROUP_PATH_MAX)
		return false;
	(void)snprintf(directory, sizeof(directory), "%s/%s", CGROUP_ROOT, path);
	for (; end; end = strchr(end + 1, '/')) {
		bool roots;

		*end = '\0';
		roots = is_roots(directory);
		*end = '/';
		if (!roots)
			return false;
	}
	return true;
}

bool cgroup_fits(const char *pattern, const char *path)
{
	char start[CGROUP_PATH_MAX + 2];
	size_t size = same_depth(pattern, path);

	if (!size || size > CGROUP_PATH_MAX)
		return false;
	(void)snprintf(start, sizeof(start), "/%.*s", (int)size, path);
	/* as the module has it: no escapes, and what is no letter is no exception */
	return !fnmatch(pattern, start, FNM_PATHNAME | FNM_NOESCAPE) && cgroup_is_hosts(start + 1);
}
