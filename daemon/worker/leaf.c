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

/* The root of the hierarchy: found once, and kept open. */
static int hierarchy(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	static int known = -1;

	for (unsigned int i = 0; known < 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		cleanup_fd int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && file_check_system(fd, CGROUP2_SUPER_MAGIC) == 0)
			known = take_fd(&fd);
	}
	return known < 0 ? -ENOTSUP : known;
}

/* A path in the hierarchy, without links or mount points of anybody's. */
static int cgroup_open(const char *path)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int root = hierarchy();
	long fd;

	if (root < 0)
		return root;
	path += strspn(path, "/");
	fd = syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
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

/* The path is a hint, the id the identity (CVE-2025-47291: not the intended cgroup). */
static int cgroup_open_known(const char *path, uint64_t id)
{
	cleanup_fd int fd = cgroup_open(path);
	struct stat status;

	if (fd < 0)
		return take_fd(&fd);
	if (fstat(fd, &status) < 0)
		return -errno;
	return status.st_ino == id ? take_fd(&fd) : -EKEYREJECTED;
}

/*
 * The cgroup that the last leaf was made in, which is nearly always the next one's
 * too. An id is one directory's for good, and while that is open nobody else's; where
 * it has been removed, nothing can be made in it.
 */
static struct {
	uint64_t id;
	int fd;
	int memory_events; /* -1: there is no such file, yet */
} last = { .fd = -1, .memory_events = -1 };

static void parent_keep(uint64_t id, int fd)
{
	close_keep_errno(last.fd);
	last.memory_events = close_keep_errno(last.memory_events);
	last.id = id;
	last.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* The caller's; `path` is not looked at where it is the last one. */
static int parent_open_known(const char *path, uint64_t id)
{
	int fd;

	if (last.fd >= 0 && last.id == id) {
		fd = fcntl(last.fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	}
	fd = cgroup_open_known(path, id);
	if (fd >= 0)
		parent_keep(id, fd);
	return fd;
}

static bool path_is_within(const char *path, const char *boundary)
{
	size_t size;

	path += strspn(path, "/");
	boundary += strspn(boundary, "/");
	size = strlen(boundary);
	return strncmp(path, boundary, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static int boundary_check(const struct worker_request *request, const struct leader *leader)
{
	cleanup_fd int boundary = -1;

	/* nobody named one, or it is what is opened next */
	if (request->cgroup_id == 0 || request->cgroup_id == leader->cgroup_id)
		return 0;
	boundary = cgroup_open_known(request->cgroup, request->cgroup_id);
	if (boundary < 0)
		return take_fd(&boundary);
	return path_is_within(leader->cgroup, request->cgroup) ? 0 : -EKEYREJECTED;
}

/*
 * Where the leader is now: a handler has its limits and its filter of devices,
 * also where the boundary is above the cgroup that has them, or nobody named
 * one. Who is in the root has none.
 */
static int parent_open(const struct worker_request *request, const struct leader *leader)
{
	int ret;

	if (request->run_in == WORKER_RUN_IN_HOST)
		return own_cgroup_open();
	ret = boundary_check(request, leader);
	if (ret < 0)
		return ret;
	if (leader->cgroup[0] == '\0')
		return own_cgroup_open();
	return parent_open_known(leader->cgroup, leader->cgroup_id);
}

static bool leaf_is_stale(int parent, const char *name)
{
	struct stat status;

	return fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       time(NULL) - status.st_ctime > LEAF_STALE_SECONDS;
}

/* What a worker left that died. A populated one stays: rmdir refuses. */
static void parent_sweep(int parent)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory) {
		close_keep_errno(fd);
		return;
	}
	while ((entry = readdir(directory)))
		if (strncmp(entry->d_name, LEAF_PREFIX, strlen(LEAF_PREFIX)) == 0 &&
		    leaf_is_stale(parent, entry->d_name))
			(void)unlinkat(parent, entry->d_name, AT_REMOVEDIR);
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
static int oom_kills_read(int events_fd, uint64_t *ret)
{
	return events_fd < 0 ? -EBADF : events_value(events_fd, "\noom_kill ", ret);
}

static uint64_t oom_kills(int directory)
{
	cleanup_fd int events = openat(directory, "memory.events", O_RDONLY | O_CLOEXEC);
	uint64_t count;

	return oom_kills_read(events, &count) < 0 ? 0 : count;
}

/* The same, before each leaf. */
static uint64_t parent_oom_kills(const struct leader *leader, int directory)
{
	uint64_t count;

	if (last.fd < 0 || last.id != leader->cgroup_id)
		return oom_kills(directory);
	if (oom_kills_read(last.memory_events, &count) == 0)
		return count;
	/* not opened yet, or of a controller that was taken away meanwhile */
	close_keep_errno(last.memory_events);
	last.memory_events = openat(last.fd, "memory.events", O_RDONLY | O_CLOEXEC);
	return oom_kills_read(last.memory_events, &count) < 0 ? 0 : count;
}

bool leaf_oom_killed(const struct leaf *leaf)
{
	return leaf->fd >= 0 &&
	       (oom_kills(leaf->fd) > 0 || oom_kills(leaf->parent_fd) > leaf->oom_kills);
}

static int leaf_make(struct leaf *leaf)
{
	if (mkdirat(leaf->parent_fd, leaf->name, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	/* of this upcall's last try; where somebody sits in it, this fails */
	if (unlinkat(leaf->parent_fd, leaf->name, AT_REMOVEDIR) < 0 ||
	    mkdirat(leaf->parent_fd, leaf->name, 0755) < 0)
		return -errno;
	return 0;
}

static int leaf_open(struct leaf *leaf)
{
	struct stat status;

	leaf->fd =
		openat(leaf->parent_fd, leaf->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (leaf->fd < 0 || fstat(leaf->fd, &status) < 0)
		return -errno;
	leaf->inode = status.st_ino;
	return 0;
}

int leaf_create(const struct worker_request *request, const struct leader *leader, struct leaf *ret)
{
	static bool swept;
	struct leaf leaf = LEAF_NULL;
	int error;

	leaf.parent_fd = parent_open(request, leader);
	if (leaf.parent_fd < 0)
		return leaf.parent_fd;
	if (!swept)
		parent_sweep(leaf.parent_fd);
	swept = true;
	leaf.oom_kills = parent_oom_kills(leader, leaf.parent_fd);
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

	/* removed by somebody else is as good as empty; what cannot be understood is not */
	return ret != -EBADMSG && (ret < 0 || !populated);
}

void leaf_clear(struct leaf *leaf)
{
	if (leaf->parent_fd >= 0 && leaf->name[0] != '\0')
		(void)unlinkat(leaf->parent_fd, leaf->name, AT_REMOVEDIR);
	close_keep_errno(leaf->fd);
	close_keep_errno(leaf->parent_fd);
	*leaf = LEAF_NULL;
}
