// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who lives in a container. A pid that was read may be another's by the time that it is
 * opened. So the list is read twice: whose pidfd was opened in between, is alive after the
 * second time, and has its pid in both, has had it all the while.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>

#include "keeper-ask.h"
#include "libupcall-container.h"
#include "owned.h"

/* What is deeper is refused: a container can make any number of cgroups, and each takes two fds. */
#define DEPTH_MAX 32

struct pids {
	pid_t *pids;
	size_t count;
	size_t room;
};

static void pids_clean(struct pids *pids)
{
	free(pids->pids);
}

static int pids_add(struct pids *pids, pid_t pid)
{
	size_t room = pids->room ? pids->room * 2 : 16;
	pid_t *grown;

	if (pids->count == pids->room) {
		grown = reallocarray(pids->pids, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		pids->pids = grown;
		pids->room = room;
	}
	pids->pids[pids->count++] = pid;
	return 0;
}

/* 0: one that our pid namespace does not show. A threaded cgroup's are in the file above it. */
static int read_procs(int dir, struct pids *pids)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
	int r = 0, pid;

	if (!file) {
		r = errno == ENOENT || errno == ENODEV ? 0 : -errno;
		owned_fd_close(&fd);
		return r;
	}
	while (r >= 0 && fscanf(file, "%d", &pid) == 1)
		r = pid > 0 ? pids_add(pids, pid) : 0;
	fclose(file);
	return r;
}

static int read_tree(int dir, struct pids *pids, unsigned int depth);

static int read_children(DIR *list, struct pids *pids, unsigned int depth)
{
	struct dirent *entry;
	int r = 0;

	while (r >= 0 && (entry = readdir(list))) {
		owned_fd int child = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (!depth)
			return -ELOOP;
		child = openat(dirfd(list), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0)
			r = read_tree(child, pids, depth - 1);
		/* gone meanwhile: so is who was in it */
		else if (errno != ENOENT && errno != ENODEV)
			r = -errno;
	}
	return r;
}

static int read_tree(int dir, struct pids *pids, unsigned int depth)
{
	int again, r;
	DIR *list;

	r = read_procs(dir, pids);
	if (r < 0)
		return r;
	again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list = again < 0 ? NULL : fdopendir(again);
	if (!list) {
		r = errno == ENOENT || errno == ENODEV ? 0 : -errno;
		owned_fd_close(&again);
		return r;
	}
	r = read_children(list, pids, depth);
	closedir(list);
	return r;
}

static int compare(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

	return (left > right) - (left < right);
}

static int pids_read(int cgroup, struct pids *pids)
{
	int r = read_tree(cgroup, pids, DEPTH_MAX);

	if (r >= 0 && pids->count)
		qsort(pids->pids, pids->count, sizeof(*pids->pids), compare);
	return r;
}

static bool is_in(const struct pids *pids, pid_t pid)
{
	return pids->count && bsearch(&pid, pids->pids, pids->count, sizeof(pid), compare);
}

static void member_free(struct upcall_member *member)
{
	owned_fd_close(&member->pidfd);
	free(member);
}

UPCALL_EXPORT struct upcall_member **upcall_members_free(struct upcall_member **members)
{
	for (struct upcall_member **member = members; member && *member; member++)
		member_free(*member);
	free(members);
	return NULL;
}

/* 0: there is no such process any more. */
static int member_open(pid_t pid, struct upcall_member **ret)
{
	owned_fd int pidfd = pidfd_open(pid, 0);
	struct upcall_member *member;

	if (pidfd < 0)
		return errno == ESRCH || errno == EINVAL ? 0 : -errno;
	member = malloc(sizeof(*member));
	if (!member)
		return -ENOMEM;
	*member = (struct upcall_member){ pid, owned_fd_give(&pidfd) };
	*ret = member;
	return 1;
}

/* members is zeroed, so the array ends at each moment. */
static int members_open(const struct pids *pids, struct upcall_member **members)
{
	size_t count = 0;

	for (size_t i = 0; i < pids->count; i++) {
		int r;

		/* listed twice: it was moved while we read */
		if (i && pids->pids[i] == pids->pids[i - 1])
			continue;
		r = member_open(pids->pids[i], &members[count]);
		if (r < 0)
			return r;
		count += (size_t)r;
	}
	return 0;
}

/* EPERM is an answer of who lives. */
static bool lives(int pidfd)
{
	return pidfd_send_signal(pidfd, 0, NULL, 0) >= 0 || errno == EPERM;
}

static void members_keep(struct upcall_member **members, const struct pids *second)
{
	struct upcall_member **kept = members;

	for (struct upcall_member **member = members; *member; member++) {
		if (is_in(second, (*member)->pid) && lives((*member)->pidfd))
			*kept++ = *member;
		else
			member_free(*member);
	}
	*kept = NULL;
}

static int members_read(int cgroup, struct upcall_member ***ret)
{
	__attribute__((cleanup(pids_clean))) struct pids first = { NULL };
	__attribute__((cleanup(pids_clean))) struct pids second = { NULL };
	struct upcall_member **members;
	int r;

	r = pids_read(cgroup, &first);
	if (r < 0)
		return r;
	members = calloc(first.count + 1, sizeof(*members));
	if (!members)
		return -ENOMEM;
	r = members_open(&first, members);
	if (r >= 0)
		r = pids_read(cgroup, &second);
	if (r < 0) {
		upcall_members_free(members);
		return r;
	}
	members_keep(members, &second);
	*ret = members;
	return 0;
}

UPCALL_EXPORT int upcall_container_members(int fd, struct upcall_member ***ret)
{
	owned_info struct keeper_info info = { -1, -1, "" };
	int r = keeper_info(fd, &info);

	if (r < 0)
		return r;
	return info.cgroup < 0 ? -EOPNOTSUPP : members_read(info.cgroup, ret);
}
