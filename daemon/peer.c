// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "peer.h"
#include "process.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* From Linux 6.5 on of the process that connected, whatever has its pid now. */
static int peer_pidfd(int fd, const struct ucred *peer)
{
	socklen_t size = sizeof(int);
	int pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0)
		return pidfd;
	if (errno != ENOPROTOOPT) /* EINVAL: of some kernels, for one that has been reaped */
		return errno == EINVAL ? -ESRCH : -errno;
	/* 0: of a pid namespace that is not below ours */
	return peer->pid > 0 ? pidfd_of((uint32_t)peer->pid) : -ESRCH;
}

/* 1 or 0, of whom it cannot be told because he is somebody's else or not there, too. */
static int same_namespace(uint32_t pid, const char *type)
{
	char path[64];
	struct stat ours, theirs;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", type);
	if (stat(path, &ours) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/%u/ns/%s", pid, type);
	if (stat(path, &theirs) < 0)
		return errno == ENOMEM ? -errno : 0;
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/*
 * 1 or 0. Of users it is asked what needs no waiting for them; theirs may be in a user namespace.
 * By the euid, as where there is no SO_PEERPIDFD the pid may have become another's.
 */
static int is_ours(uint32_t pid, uid_t uid)
{
	struct process_status status;
	int ret;

	if (uid != 0) {
		ret = process_status(pid, &status);
		return ret < 0 ? ret : !status.nested && status.euid == uid;
	}
	ret = same_namespace(pid, "user");
	return ret > 0 ? same_namespace(pid, "pid") : ret;
}

/* 1 or 0; who is not there any more is not. */
static int is_of_the_host(int fd, const struct ucred *peer)
{
	cleanup_fd int pidfd = peer_pidfd(fd, peer);
	uint32_t pid;
	int ret = pidfd < 0 ? pidfd : pidfd_pid(pidfd, &pid);

	if (ret >= 0)
		ret = is_ours(pid, peer->uid);
	if (ret < 0)
		return ret == -ESRCH ? 0 : ret;
	/* ORDER: alive afterwards, so /proc/PID was its all the time */
	return ret > 0 ? pidfd_alive(pidfd) : ret;
}

int peer_uid(int fd, uid_t *ret)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int ours;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	ours = is_of_the_host(fd, &peer);
	/* out of descriptors or memory: root is not told that he is nobody */
	if (ours < 0)
		return ours;
	*ret = ours ? peer.uid : PEER_NOBODY;
	return 0;
}
