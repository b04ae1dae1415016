// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "cgroup.h"
#include "cleanup.h"
#include "process.h"
#include "text.h"

/* A chain of parents longer than this is not looked at. */
#define PARENTS_MAX 256
/* A cgroup with more tasks than that is not looked through in the loop. */
#define TASKS_MAX 4096

int cgroup_normalize(const char *text, char *out, size_t room)
{
	size_t root = strlen(CGROUP_ROOT), size;

	if (!strncmp(text, CGROUP_ROOT, root) && (text[root] == '/' || !text[root]))
		text += root;
	text += strspn(text, "/");
	size = strlen(text);
	while (size > 0 && text[size - 1] == '/')
		size--;
	if (!size || size > CGROUP_PATH_MAX || size >= room)
		return -EINVAL;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return -EINVAL;
	memcpy(out, text, size);
	out[size] = '\0';
	return 0;
}

/* Returns an O_PATH fd. */
static int open_below(const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	cleanup_fd int root = open(CGROUP_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

int cgroup_id(const char *path, uint64_t *ret)
{
	cleanup_fd int fd = open_below(path);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV ? -ENOENT :
											 fd;
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if ((unsigned long)fs.f_type != CGROUP2_SUPER_MAGIC)
		return -EINVAL;
	*ret = st.st_ino;
	return 0;
}

int cgroup_find(uint32_t pid, uint64_t id, char *out, size_t room)
{
	char path[CGROUP_PATH_MAX + 2], *end;
	uint64_t found;
	int ret;

	ret = process_cgroup(pid, path, sizeof(path));
	if (ret < 0)
		return ret;
	while ((end = strrchr(path, '/')) && path[1]) {
		ret = cgroup_id(path + 1, &found);
		if (ret < 0 && ret != -ENOENT)
			return ret;
		if (ret >= 0 && found == id)
			return cgroup_normalize(path, out, room);
		*end = '\0';
	}
	return -ENOENT;
}

/* ------------------------------------------------------------------- tasks */

static bool descends_from(uint32_t pid, uint32_t ancestor)
{
	for (int i = 0; i < PARENTS_MAX && pid > 1; i++) {
		int ret;

		if (pid == ancestor)
			return true;
		ret = process_parent(pid, &pid);
		/* one that has ended meanwhile is nobody's task any more; else we do not know */
		if (ret < 0)
			return ret == -ESRCH;
	}
	return false;
}

static int check_tasks(const char *directory, uint32_t leader, unsigned int *count)
{
	cleanup_file FILE *file = NULL;
	cleanup_free char *path = NULL, *line = NULL;
	size_t room = 0;
	uint64_t pid;

	if (asprintf(&path, "%s/cgroup.procs", directory) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		/* 0: of another pid namespace than ours */
		if (text_number(line, 1, INT32_MAX, &pid) < 0 || ++*count > TASKS_MAX ||
		    !descends_from((uint32_t)pid, leader))
			return -EBUSY;
	}
	return ferror(file) ? -errno : 0;
}

static void cleanup_fts_(FTS **tree)
{
	if (*tree)
		(void)fts_close(*tree);
}

int cgroup_is_own(const char *path, uint32_t leader)
{
	cleanup_with(cleanup_fts_) FTS *tree = NULL;
	char root[sizeof(CGROUP_ROOT) + CGROUP_PATH_MAX + 1];
	char *const roots[] = { root, NULL };
	unsigned int count = 0;
	FTSENT *entry;
	int ret = 0;

	(void)snprintf(root, sizeof(root), "%s/%s", CGROUP_ROOT, path);
	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return -errno;
	while (ret >= 0 && (entry = fts_read(tree))) {
		if (entry->fts_info == FTS_D)
			ret = check_tasks(entry->fts_path, leader, &count);
		else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
			ret = entry->fts_errno == ENOENT ? 0 : -entry->fts_errno;
		/* a threaded one below: its processes are listed above it */
		if (ret == -EOPNOTSUPP && entry->fts_level > FTS_ROOTLEVEL)
			ret = 0;
	}
	return ret;
}
