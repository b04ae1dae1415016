// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes the empty container around us. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cgroup-events.h"
#include "cleanup.h"
#include "keeper/container.h"
#include "libupcall-container.h"
#include "packet.h"

/* So many a keeper may have open at least, or poll(2) would refuse what it looks at. */
#define FDS_MIN 64

#define ANY_FS_NS (UPCALL_CONTAINER_NEW_FS_NS | UPCALL_CONTAINER_NEW_EMPTY_FS_NS)

static int file_write(const char *path, const char *text)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

/* Root inside is whom we are outside, and there is nobody else. */
static int map_creator(uid_t uid, gid_t gid)
{
	char line[64];
	int r;

	r = file_write("/proc/self/setgroups", "deny");
	snprintf(line, sizeof(line), "0 %u 1", gid);
	if (r >= 0)
		r = file_write("/proc/self/gid_map", line);
	snprintf(line, sizeof(line), "0 %u 1", uid);
	if (r >= 0)
		r = file_write("/proc/self/uid_map", line);
	return r;
}

/* The asker writes them: that takes capabilities that we do not have any more. */
static int map_by_asker(struct ask *ask)
{
	struct keeper_request written;
	size_t none = 0;
	int r;

	r = ask_add(ask, pidfd_open(getpid(), 0));
	if (r >= 0)
		r = ask_send(ask);
	if (r >= 0)
		r = packet_receive(ask->conversation, &written, sizeof(written), NULL, &none);
	return r;
}

static int user_namespace(struct ask *ask)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	return ask->request->numbers[1] ? map_by_asker(ask) : map_creator(uid, gid);
}

static int unshared(uint32_t flags)
{
	int namespaces = 0;

	if (flags & ANY_FS_NS)
		namespaces |= CLONE_NEWNS;
	if (flags & UPCALL_CONTAINER_NEW_UTS_NS)
		namespaces |= CLONE_NEWUTS;
	if (flags & UPCALL_CONTAINER_NEW_IPC_NS)
		namespaces |= CLONE_NEWIPC;
	if (flags & UPCALL_CONTAINER_NEW_NET_NS)
		namespaces |= CLONE_NEWNET;
	return namespaces && unshare(namespaces) < 0 ? -errno : 0;
}

static int file_systems(uint32_t flags)
{
	int r;

	if (!(flags & ANY_FS_NS))
		return 0;
	r = tree_private();
	if (r >= 0 && flags & UPCALL_CONTAINER_NEW_EMPTY_FS_NS)
		r = tree_empty(flags & UPCALL_CONTAINER_NEW_USER_NS);
	return r;
}

static int check(const struct keeper_request *request)
{
	uint32_t flags = request->numbers[0];
	struct rlimit fds;

	if (flags & ~UPCALL_CONTAINER_ALL_FLAGS || (flags & ANY_FS_NS) == ANY_FS_NS)
		return -EINVAL;
	if (request->numbers[1] && !(flags & UPCALL_CONTAINER_NEW_USER_NS))
		return -EINVAL;
	if (strlen(request->text) >= KEEPER_NAME_LEN)
		return -EINVAL;
	if (getrlimit(RLIMIT_NOFILE, &fds) < 0)
		return -errno;
	return fds.rlim_cur < FDS_MIN ? -EMFILE : 0;
}

/*
 * ORDER: the cgroup is made by who we were; ids are mapped before anything is owned by them,
 * and before we can no longer be written to. From then on not dumpable, or the creator's
 * other processes, and the container's where they see us, could make us theirs.
 */
int keeper_create(struct keeper *keeper, struct ask *ask)
{
	const struct keeper_request *request = ask->request;
	int r = check(request);

	if (r < 0)
		return r;
	keeper->flags = request->numbers[0];
	snprintf(keeper->name, sizeof(keeper->name), "%.*s", KEEPER_NAME_LEN - 1, request->text);
	cgroup_make(keeper);
	if (keeper->cgroup < 0 && keeper->flags & UPCALL_CONTAINER_KILL_ON_CLOSE &&
	    !(keeper->flags & UPCALL_CONTAINER_NEW_PID_NS))
		return -EOPNOTSUPP;
	if (keeper->flags & UPCALL_CONTAINER_NEW_USER_NS)
		r = user_namespace(ask);
	if (r >= 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = -errno;
	if (r >= 0)
		r = unshared(keeper->flags);
	if (r >= 0)
		r = file_systems(keeper->flags);
	return r;
}
