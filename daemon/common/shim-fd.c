// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "shim-fd.h"

#define INFO_FIRST_SIZE 8192

static int shim_ioctl(int fd, unsigned long command, void *argument)
{
	return ioctl(fd, command, argument) < 0 ? -errno : 0;
}

/* No file that somebody can make has a name of this kind. */
static int name_check(int fd, const char *name)
{
	char path[32], text[64];
	ssize_t size;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	size = readlink(path, text, sizeof(text));
	if (size < 0)
		return -errno;
	return (size_t)size == strlen(name) && memcmp(text, name, (size_t)size) == 0 ? 0 : -EBADF;
}

int shim_check_upcall(int fd)
{
	return name_check(fd, "anon_inode:[upcall]");
}

int shim_check_witness(int fd)
{
	return name_check(fd, "anon_inode:[upcall-witness]");
}

/* One try; *size says what was needed. */
static int info_read(int fd, struct upcall_info *info, void **ret_buffer)
{
	cleanup_free void *buffer = malloc(info->size);
	uint32_t room = info->size;
	int ret;

	if (!buffer)
		return -ENOMEM;
	info->buffer = (uintptr_t)buffer;
	ret = shim_ioctl(fd, UPCALL_IOC_INFO, info);
	if (ret < 0)
		return ret;
	if (info->size > room)
		return -EBADMSG;
	*ret_buffer = take_ptr(buffer);
	return 0;
}

int shim_info(int fd, uint64_t id, uint32_t generation, struct shim_info *ret)
{
	struct upcall_info info = { .id = id, .generation = generation, .size = INFO_FIRST_SIZE };
	cleanup_free void *buffer = NULL;
	struct tags tags;
	int error;

	error = info_read(fd, &info, &buffer);
	if (error == -EMSGSIZE && info.size > INFO_FIRST_SIZE && info.size <= SHIM_INFO_MAX)
		error = info_read(fd, &info, &buffer);
	if (error < 0)
		return error;
	error = tags_parse(buffer, info.size, &tags);
	if (error < 0)
		return error;
	ret->tags = tags;
	ret->buffer = take_ptr(buffer);
	return 0;
}

void shim_info_clear(struct shim_info *info)
{
	free(info->buffer);
	*info = SHIM_INFO_NULL;
}

int shim_tags(int fd, uint32_t pid, struct tags *ret)
{
	_Alignas(8) char buffer[SHIM_TAGS_SIZE];
	struct upcall_tags request = {
		.pid = pid,
		.size = sizeof(buffer),
		.buffer = (uintptr_t)buffer,
	};
	struct tags tags;
	int error;

	error = shim_ioctl(fd, UPCALL_IOC_TAGS, &request);
	if (error < 0)
		return error;
	if (request.size > sizeof(buffer))
		return -EBADMSG;
	error = tags_parse(buffer, request.size, &tags);
	if (error < 0)
		return error;
	/* they would point into this stack frame */
	tags.path = tags.comm = tags.release_cgroup = tags.argv = tags.envp =
		(struct tags_text){ 0 };
	tags.key = (struct tags_key){ 0 };
	*ret = tags;
	return 0;
}

int shim_attach(int upcall_fd, uint64_t capabilities)
{
	struct upcall_attach attach = { .capabilities = capabilities };

	return shim_ioctl(upcall_fd, UPCALL_IOC_ATTACH, &attach);
}

int shim_complete(int upcall_fd, int error)
{
	struct upcall_complete complete = { .error = (uint32_t)error };

	return shim_ioctl(upcall_fd, UPCALL_IOC_COMPLETE, &complete);
}
