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
/*
 * ATTACK: what is below a cgroup was built by the container, and is looked through
 * in the loop. So many looks there are for all of it: at each task, at each of its
 * parents, and at the dozens of files of each cgroup. Less than a second.
 */
#define LOOKS_MAX    16384
#define LOOKS_CGROUP 16

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

int cgroup_open(const char *path)
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
	cleanup_fd int fd = cgroup_open(path);
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

int cgroup_owner(const char *path, uint32_t *ret)
{
	cleanup_fd int fd = cgroup_open(path);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = st.st_uid;
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

struct walk {
	uint32_t leader;
	unsigned int looks;
};

static int look(struct walk *walk, unsigned int looks)
{
	walk->looks += looks;
	return walk->looks > LOOKS_MAX ? -E2BIG : 0;
}

static int check_descent(struct walk *walk, uint32_t pid)
{
	for (int i = 0; i < PARENTS_MAX && pid > 1; i++) {
		int ret = look(walk, 1);

		if (ret < 0 || pid == walk->leader)
			return ret;
		ret = process_parent(pid, &pid);
		/* one that has ended meanwhile is nobody's task any more; else we do not know */
		if (ret < 0)
			return ret == -ESRCH ? 0 : -EBUSY;
	}
	return -EBUSY;
}

static FILE *open_file(const char *directory, const char *name)
{
	cleanup_free char *path = NULL;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		errno = ENOMEM;
		return NULL;
	}
	return fopen(path, "re");
}

static bool is_empty(const char *path)
{
	char directory[sizeof(CGROUP_ROOT) + CGROUP_PATH_MAX + 1], text[256];
	cleanup_file FILE *file = NULL;
	struct stat st;
	size_t size;

	(void)snprintf(directory, sizeof(directory), "%s/%s", CGROUP_ROOT, path);
	file = open_file(directory, "cgroup.events");
	/* the file alone is missing in the root, and where this is no version 2: that says nothing */
	if (!file)
		return errno == ENOENT && stat(directory, &st) < 0 && errno == ENOENT;
	size = fread(text, 1, sizeof(text) - 1, file);
	if (ferror(file))
		return errno == ENODEV; /* it went after it was opened */
	text[size] = '\0';
	return strstr(text, "populated 0\n");
}

/*
 * ATTACK: what that file says is the sum of three numbers, looked at one after the other. A task
 * that goes to and fro between this cgroup and one below it may be in neither, at one moment in
 * some thousands, but not in all of these.
 */
#define EMPTY_LOOKS 4

bool cgroup_is_empty(const char *path)
{
	for (int i = 0; i < EMPTY_LOOKS; i++)
		if (!is_empty(path))
			return false;
	return true;
}

static int check_tasks(struct walk *walk, const char *directory)
{
	cleanup_file FILE *file = open_file(directory, "cgroup.procs");
	cleanup_free char *line = NULL;
	size_t room = 0;
	uint64_t pid;
	int ret;

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		/* 0: of another pid namespace than ours */
		if (text_number(line, 1, INT32_MAX, &pid) < 0)
			return -EBUSY;
		ret = check_descent(walk, (uint32_t)pid);
		if (ret < 0)
			return ret;
	}
	return ferror(file) ? -errno : 0;
}

/* Before fts(3), which reads a whole folder before it tells of the first entry. */
static int check_count(const char *directory)
{
	static const char key[] = "nr_descendants ";
	cleanup_file FILE *file = open_file(directory, "cgroup.stat");
	cleanup_free char *line = NULL;
	size_t room = 0;
	uint64_t count;

	if (!file)
		return -errno;
	while (getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		if (text_number(line + strlen(key), 0, LOOKS_MAX / LOOKS_CGROUP, &count) < 0)
			return -E2BIG;
		return 0;
	}
	return -EBUSY;
}

static void cleanup_fts_(FTS **tree)
{
	if (*tree)
		(void)fts_close(*tree);
}

int cgroup_is_own(const char *path, uint32_t leader)
{
	char directory[sizeof(CGROUP_ROOT) + CGROUP_PATH_MAX + 1];

	(void)snprintf(directory, sizeof(directory), "%s/%s", CGROUP_ROOT, path);
	return cgroup_directory_is_own(directory, leader);
}

int cgroup_directory_is_own(const char *directory, uint32_t leader)
{
	cleanup_with(cleanup_fts_) FTS *tree = NULL;
	char *const roots[] = { (char *)(uintptr_t)directory, NULL };
	struct walk walk = { .leader = leader };
	FTSENT *entry;
	int ret;

	ret = check_count(directory);
	if (ret < 0)
		return ret;
	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return -errno;
	while (ret >= 0 && (entry = fts_read(tree))) {
		if (entry->fts_info == FTS_D)
			ret = look(&walk, LOOKS_CGROUP);
		if (ret >= 0 && entry->fts_info == FTS_D)
			ret = check_tasks(&walk, entry->fts_path);
		else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
			ret = entry->fts_errno == ENOENT ? 0 : -entry->fts_errno;
		/* a threaded one below: its processes are listed above it */
		if (ret == -EOPNOTSUPP && entry->fts_level > FTS_ROOTLEVEL)
			ret = 0;
	}
	return ret;
}
