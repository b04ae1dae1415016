// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leaf cgroups
 *
 * A leaf, because a cgroup whose controllers are delegated further takes no
 * process itself. The container may own the directory in which we make it: it
 * can only hurt itself by taking the name or moving the child away, which is
 * why the child's place is verified afterwards, and why a handler is killed by
 * its pidfd as well.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "cleanup.h"
#include "file.h"
#include "leaf.h"
#include "parse.h"

#define LEAF_PREFIX "upcall-"
/* A leaf is empty between its making and the fork, perhaps of another worker's. */
#define LEAF_STALE_SECONDS 60

static int hierarchy_open(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		cleanup_fd int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && file_check_system(fd, CGROUP2_SUPER_MAGIC) == 0)
			return take_fd(&fd);
	}
	return -ENOTSUP;
}

/* A path in the hierarchy, without links or mount points of anybody's. */
static int cgroup_open(const char *path)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	cleanup_fd int hierarchy = hierarchy_open();
	long fd;

	if (hierarchy < 0)
		return take_fd(&hierarchy);
	path += strspn(path, "/");
	fd = syscall(SYS_openat2, hierarchy, *path ? path : ".", &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

static int own_cgroup_open(void)
{
	char text[WORKER_PATH_LEN + 64], path[WORKER_PATH_LEN];
	int ret;

	ret = file_read(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));
	if (ret == 0)
		ret = parse_cgroup(text, path, sizeof(path));
	return ret < 0 ? ret : cgroup_open(path);
}

static int boundary_open(const struct worker_request *request)
{
	cleanup_fd int fd = -1;
	struct stat status;

	if (request->cgroup_id == 0 || request->run_in == WORKER_RUN_IN_HOST)
		return own_cgroup_open();
	fd = cgroup_open(request->cgroup);
	if (fd < 0)
		return take_fd(&fd);
	if (fstat(fd, &status) < 0)
		return -errno;
	/* the path is a hint; this is the identity (CVE-2025-47291: not the intended cgroup) */
	return status.st_ino == request->cgroup_id ? take_fd(&fd) : -EKEYREJECTED;
}

static bool leaf_is_stale(int boundary, const char *name)
{
	struct stat status;

	return fstatat(boundary, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       time(NULL) - status.st_ctime > LEAF_STALE_SECONDS;
}

/* What a worker left that died. A populated one stays: rmdir refuses. */
static void boundary_sweep(int boundary)
{
	int fd = openat(boundary, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *directory;

	if (fd < 0)
		return;
	directory = fdopendir(fd);
	if (!directory) {
		close_keep_errno(fd);
		return;
	}
	while ((entry = readdir(directory)))
		if (strncmp(entry->d_name, LEAF_PREFIX, strlen(LEAF_PREFIX)) == 0 &&
		    leaf_is_stale(boundary, entry->d_name))
			(void)unlinkat(boundary, entry->d_name, AT_REMOVEDIR);
	closedir(directory);
}

static int events_value(int events_fd, const char *name, uint64_t *ret)
{
	char text[256];
	ssize_t size = pread(events_fd, text, sizeof(text) - 1, 0);
	const char *line;

	if (size < 0)
		return -errno;
	text[size] = '\0';
	line = strstr(text, name);
	if (!line)
		return -EBADMSG;
	line += strlen(name);
	return parse_number(line, strcspn(line, "\n"), UINT64_MAX, ret);
}

/*
 * Where the container enables no controllers for its children, the leaf's
 * memory is its parent's, and so is this count.
 */
static uint64_t oom_kills(int directory)
{
	cleanup_fd int events = openat(directory, "memory.events", O_RDONLY | O_CLOEXEC);
	uint64_t count;

	if (events < 0 || events_value(events, "\noom_kill ", &count) < 0)
		return 0;
	return count;
}

bool leaf_oom_killed(const struct leaf *leaf)
{
	return leaf->fd >= 0 &&
	       (oom_kills(leaf->fd) > 0 || oom_kills(leaf->boundary_fd) > leaf->oom_kills);
}

/* A child born into a frozen cgroup would answer nobody: say so at once. */
static int leaf_check_frozen(const struct leaf *leaf)
{
	cleanup_fd int events = leaf_open_events(leaf);
	uint64_t frozen;
	int ret;

	if (events < 0)
		return take_fd(&events);
	ret = events_value(events, "frozen ", &frozen);
	if (ret < 0)
		return ret;
	return frozen ? -EBUSY : 0;
}

static int leaf_make(struct leaf *leaf)
{
	if (mkdirat(leaf->boundary_fd, leaf->name, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	/* of this upcall's last try; where somebody sits in it, this fails */
	if (unlinkat(leaf->boundary_fd, leaf->name, AT_REMOVEDIR) < 0 ||
	    mkdirat(leaf->boundary_fd, leaf->name, 0755) < 0)
		return -errno;
	return 0;
}

static int leaf_open(struct leaf *leaf)
{
	struct stat status;

	leaf->fd = openat(leaf->boundary_fd, leaf->name,
			  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (leaf->fd < 0 || fstat(leaf->fd, &status) < 0)
		return -errno;
	leaf->inode = status.st_ino;
	return leaf_check_frozen(leaf);
}

int leaf_create(const struct worker_request *request, struct leaf *ret)
{
	static bool swept;
	struct leaf leaf = LEAF_NULL;
	int error;

	leaf.boundary_fd = boundary_open(request);
	if (leaf.boundary_fd < 0)
		return leaf.boundary_fd;
	if (!swept)
		boundary_sweep(leaf.boundary_fd);
	swept = true;
	leaf.oom_kills = oom_kills(leaf.boundary_fd);
	snprintf(leaf.name, sizeof(leaf.name), LEAF_PREFIX "%llu", (unsigned long long)request->id);
	error = leaf_make(&leaf);
	if (error == 0)
		error = leaf_open(&leaf);
	if (error < 0) {
		leaf_clear(&leaf);
		return error;
	}
	*ret = leaf;
	return 0;
}

int leaf_kill(const struct leaf *leaf)
{
	return leaf->fd < 0 ? 0 : file_write(leaf->fd, "cgroup.kill", "1");
}

int leaf_open_events(const struct leaf *leaf)
{
	int fd = openat(leaf->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool leaf_is_empty(int events_fd)
{
	uint64_t populated;
	int ret = events_value(events_fd, "populated ", &populated);

	/* removed by somebody else is as good as empty */
	return ret < 0 || !populated;
}

void leaf_clear(struct leaf *leaf)
{
	if (leaf->boundary_fd >= 0 && leaf->name[0] != '\0')
		(void)unlinkat(leaf->boundary_fd, leaf->name, AT_REMOVEDIR);
	close_keep_errno(leaf->fd);
	close_keep_errno(leaf->boundary_fd);
	*leaf = LEAF_NULL;
}
