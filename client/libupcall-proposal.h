/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of the 'Container objects' proposal (David Howells, 2017), for programs that were
 * written for it. As of system calls, the result of a failure is -1, and errno says which.
 */
#ifndef LIBUPCALL_PROPOSAL_H
#define LIBUPCALL_PROPOSAL_H

#include <errno.h>

#include "libupcall-container.h"

#define CONTAINER_NEW_FS_NS	  UPCALL_CONTAINER_NEW_FS_NS
#define CONTAINER_NEW_EMPTY_FS_NS UPCALL_CONTAINER_NEW_EMPTY_FS_NS
#define CONTAINER_NEW_CGROUP_NS	  UPCALL_CONTAINER_NEW_CGROUP_NS
#define CONTAINER_NEW_UTS_NS	  UPCALL_CONTAINER_NEW_UTS_NS
#define CONTAINER_NEW_IPC_NS	  UPCALL_CONTAINER_NEW_IPC_NS
#define CONTAINER_NEW_USER_NS	  UPCALL_CONTAINER_NEW_USER_NS
#define CONTAINER_NEW_PID_NS	  UPCALL_CONTAINER_NEW_PID_NS
#define CONTAINER_NEW_NET_NS	  UPCALL_CONTAINER_NEW_NET_NS
#define CONTAINER_KILL_ON_CLOSE	  UPCALL_CONTAINER_KILL_ON_CLOSE
#define CONTAINER_FD_CLOEXEC	  UPCALL_CONTAINER_FD_CLOEXEC
#define CONTAINER__FLAG_MASK	  UPCALL_CONTAINER_ALL_FLAGS

static inline int upcall_proposal_result(int r)
{
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

static inline int container_create(const char *name, unsigned int flags)
{
	return upcall_proposal_result(upcall_container_create(name, flags, NULL));
}

static inline pid_t fork_into_container(int fd)
{
	return upcall_proposal_result(upcall_container_fork(fd));
}

static inline int container_socket(int fd, int domain, int type, int protocol)
{
	return upcall_proposal_result(upcall_container_socket(fd, domain, type, protocol));
}

static inline int container_root(int fd)
{
	return upcall_proposal_result(upcall_container_root(fd));
}

#endif
