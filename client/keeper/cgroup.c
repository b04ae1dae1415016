// SPDX-License-Identifier: GPL-2.0-or-later
/* The container's cgroup, one of version 2: kill, freeze and counting go by it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgroup-events.h"
#include "cleanup.h"
#include "keeper/container.h"

static bool is_cgroup2(int dir)
{
	struct statfs fs;

	return !fstatfs(dir, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static int mount_open(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	int dir;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		dir = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0 && is_cgroup2(dir))
			return dir;
		close_keep_errno(dir);
	}
	return -1;
}

/* Our own's path, below the mount; NULL if it is not there. Changes the line. */
static const char *own_path(char *line)
{
	if (strncmp(line, "0::/", 4))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	/* outside of what our cgroup namespace shows */
	if (!strncmp(line + 4, "..", 2))
		return NULL;
	return line[4] ? line + 4 : ".";
}

static int own_open(void)
{
	cleanup_file FILE *file = fopen("/proc/self/cgroup", "re");
	cleanup_fd int mount = mount_open();
	char line[4096];
	const char *path;

	if (!file || mount < 0)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		path = own_path(line);
		if (path)
			return openat(mount, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return -1;
}

/* False in one of threads, and below the domain of one. */
static bool takes_processes(int dir)
{
	cleanup_fd int type = openat(dir, "cgroup.type", O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n = type < 0 ? -1 : read(type, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	return !strcmp(text, "domain\n") || !strcmp(text, "domain threaded\n");
}

/* Without cgroup.kill, it would not keep what is promised of it. Both are the keeper's then. */
static int use(struct keeper *keeper, int dir, int kill)
{
	int events;

	if (kill < 0)
		return -errno;
	if (!takes_processes(dir))
		return -EOPNOTSUPP;
	events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (events < 0)
		return -errno;
	keeper->cgroup = dir;
	keeper->cgroup_kill = kill;
	keeper->cgroup_events = events;
	return 0;
}

void cgroup_make(struct keeper *keeper)
{
	cleanup_fd int own = -1;
	cleanup_fd int kill = -1;
	cleanup_fd int parent = own_open();
	uint64_t unique;

	if (parent < 0 || getrandom(&unique, sizeof(unique), 0) != sizeof(unique))
		return;
	snprintf(keeper->cgroup_name, sizeof(keeper->cgroup_name), "container-%s-%016llx",
		 keeper->name, (unsigned long long)unique);
	if (mkdirat(parent, keeper->cgroup_name, 0755) < 0)
		return;
	own = openat(parent, keeper->cgroup_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (own >= 0)
		kill = openat(own, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (own < 0 || use(keeper, own, kill) < 0) {
		unlinkat(parent, keeper->cgroup_name, AT_REMOVEDIR);
		return;
	}
	(void)take_fd(&own);
	(void)take_fd(&kill);
	keeper->cgroup_parent = take_fd(&parent);
}

/*
 * ATTACK: who has the container's fd may open any cgroup's directory, and have us kill and freeze
 * who comes to live there. So it is his own right that counts: he has opened its cgroup.kill.
 */
static int check_right(int dir, int kill)
{
	struct identity its, given;
	int flags = fcntl(kill, F_GETFL), r;

	if (flags < 0)
		return -errno;
	if (flags & O_PATH || (flags & O_ACCMODE) == O_RDONLY)
		return -EACCES;
	r = identify(dir, "cgroup.kill", AT_SYMLINK_NOFOLLOW, &its);
	if (r >= 0)
		r = identify(kill, "", AT_EMPTY_PATH, &given);
	if (r < 0)
		return r;
	return its.device == given.device && its.inode == given.inode ? 0 : -EACCES;
}

/* Nobody in it: they would be killed and frozen with the container, of which they are no part. */
static int check_given(int dir, int kill)
{
	int populated, r;

	if (!is_cgroup2(dir))
		return -EINVAL;
	r = check_right(dir, kill);
	if (r < 0)
		return r;
	if (faccessat(dir, "cgroup.procs", W_OK, AT_EACCESS))
		return -errno;
	populated = cgroup_event(dir, "populated");
	if (populated < 0)
		return populated;
	return populated ? -ENOTEMPTY : 0;
}

int cgroup_set(struct keeper *keeper, int dir, int kill)
{
	/* of our own: what was given may be an O_PATH one */
	cleanup_fd int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int own_kill = -1;
	struct keeper before = *keeper;
	int r;

	if (own < 0)
		return -errno;
	r = check_given(own, kill);
	if (r < 0)
		return r;
	own_kill = fcntl(kill, F_DUPFD_CLOEXEC, 0);
	r = use(keeper, own, own_kill);
	if (r < 0)
		return r;
	keeper->cgroup_parent = -1;
	r = cgroup_remove(&before);
	if (r < 0) {
		close_keep_errno(keeper->cgroup_events);
		*keeper = before;
		return r;
	}
	(void)take_fd(&own);
	(void)take_fd(&own_kill);
	return 0;
}

bool cgroup_has(int cgroup, pid_t pid)
{
	int fd = openat(cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	cleanup_file FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
	bool found = false;
	int listed;

	if (!file) {
		close_keep_errno(fd);
		return false;
	}
	while (!found && fscanf(file, "%d", &listed) == 1)
		found = listed == pid;
	return found;
}

/* Those below that have none below themselves. name: one that is left, or "". How many went. */
static int remove_children(int dir, char name[NAME_MAX + 1])
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *list = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	int count = 0;

	name[0] = '\0';
	if (!list) {
		close_keep_errno(again);
		return -errno;
	}
	while ((entry = readdir(list))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (!unlinkat(dir, entry->d_name, AT_REMOVEDIR))
			count++;
		else
			snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
	}
	return count;
}

/*
 * Down to where there are none below, and up again, however deep that is, with two fds. Where
 * nothing went after we had been below, something lives there.
 */
static int remove_below(int top)
{
	cleanup_fd int dir = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1];
	unsigned int depth = 0;
	bool came_up = false;

	while (dir >= 0) {
		int next, r = remove_children(dir, name);

		if (r < 0)
			return r;
		if (!name[0] && !depth)
			return 0;
		if (name[0] && !r && came_up)
			return -EBUSY;
		came_up = !name[0];
		next = openat(dir, came_up ? ".." : name,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		depth += came_up ? -1U : 1;
		close_keep_errno(dir);
		dir = next;
	}
	/* gone meanwhile, or there were too many fds */
	return errno == ENOENT || errno == ENODEV ? -EBUSY : -errno;
}

int cgroup_remove(struct keeper *keeper)
{
	if (keeper->cgroup < 0)
		return 0;
	if (keeper->cgroup_parent >= 0) {
		(void)remove_below(keeper->cgroup);
		if (unlinkat(keeper->cgroup_parent, keeper->cgroup_name, AT_REMOVEDIR) < 0 &&
		    errno != ENOENT)
			return -errno;
		keeper->cgroup_parent = close_keep_errno(keeper->cgroup_parent);
	}
	keeper->cgroup = close_keep_errno(keeper->cgroup);
	keeper->cgroup_kill = close_keep_errno(keeper->cgroup_kill);
	keeper->cgroup_events = close_keep_errno(keeper->cgroup_events);
	return 0;
}
