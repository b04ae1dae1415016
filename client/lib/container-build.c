// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is done to a container from outside. */
#include <errno.h>
#include <fcntl.h>

#include "keeper-ask.h"
#include "libupcall-container.h"
#include "owned.h"

UPCALL_EXPORT int upcall_container_set_namespace(int fd, int namespace_fd)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_NAMESPACE };

	return keeper_ask_done(fd, &request, namespace_fd);
}

/* With what shows that we may kill who lives there, and not only the container's creator. */
UPCALL_EXPORT int upcall_container_set_cgroup(int fd, int cgroup_fd)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_CGROUP };
	owned_reply struct keeper_reply reply = { 0 };
	owned_fd int conversation = -1;
	owned_fd int kill = openat(cgroup_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	const int arguments[] = { cgroup_fd, kill };

	if (kill < 0)
		return errno == ENOENT || errno == ENOTDIR ? -EINVAL : -errno;
	conversation = keeper_ask_open(fd, &request, arguments, 2);
	return conversation < 0 ? conversation : keeper_ask_next(conversation, &reply);
}

UPCALL_EXPORT int32_t upcall_container_keyring(int fd)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_KEYRING };
	owned_reply struct keeper_reply reply = { 0 };
	int r = keeper_ask(fd, &request, -1, &reply);

	return r < 0 ? r : (int32_t)reply.answer.value;
}

UPCALL_EXPORT int upcall_container_root(int fd)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_ROOT };

	return keeper_ask_fd(fd, &request, -1);
}

UPCALL_EXPORT int upcall_container_socket(int fd, int domain, int type, int protocol)
{
	const struct keeper_request request = {
		KEEPER_PROTOCOL,
		KEEPER_SOCKET,
		{ (uint32_t)domain, (uint32_t)type, (uint32_t)protocol },
	};

	return keeper_ask_fd(fd, &request, -1);
}

UPCALL_EXPORT int upcall_container_fsopen(int fd, const char *type, unsigned int flags)
{
	struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FSOPEN, { flags } };
	int r = keeper_request_text(&request, type);

	return r < 0 ? r : keeper_ask_fd(fd, &request, -1);
}

UPCALL_EXPORT int upcall_container_fsmount(int fd, int fs_fd, unsigned int flags,
					   unsigned int attributes)
{
	const struct keeper_request request = { KEEPER_PROTOCOL,
						KEEPER_FSMOUNT,
						{ flags, attributes } };

	return keeper_ask_fd(fd, &request, fs_fd);
}

UPCALL_EXPORT int upcall_container_move_mount(int fd, int mount_fd, const char *path)
{
	struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_MOUNT };
	int r = keeper_request_text(&request, path);

	return r < 0 ? r : keeper_ask_done(fd, &request, mount_fd);
}
