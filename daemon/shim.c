// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/ioctl.h>

#include "shim.h"

static int call(int fd, unsigned long command, void *argument)
{
	int ret = ioctl(fd, command, argument);

	return ret < 0 ? -errno : ret;
}

int shim_version(int fd, struct upcall_version *ret)
{
	return call(fd, UPCALL_IOC_VERSION, ret);
}

int shim_endings(int fd, uint32_t class, uint64_t *values, uint32_t room)
{
	struct upcall_counters counters = {
		.values = (uintptr_t)values,
		.class = class,
		.count = room,
	};
	int ret;

	ret = call(fd, UPCALL_IOC_COUNTERS, &counters);
	if (ret < 0)
		return ret;
	return counters.count > room ? -EBADMSG : (int)counters.count;
}

int shim_subscribe(int fd, int netlink_fd)
{
	struct upcall_subscribe subscribe = { .netlink_fd = netlink_fd };

	return call(fd, UPCALL_IOC_SUBSCRIBE, &subscribe);
}

int shim_list(int fd, uint64_t after, struct upcall_list_entry *entries, uint32_t room)
{
	struct upcall_list list = {
		.entries = (uintptr_t)entries,
		.after = after,
		.room = room,
	};
	int ret;

	ret = call(fd, UPCALL_IOC_LIST, &list);
	if (ret < 0)
		return ret;
	return list.count > room ? -EBADMSG : (int)list.count;
}

int shim_claim(int fd, uint64_t id, uint32_t generation, uint32_t run_ms)
{
	struct upcall_claim claim = { .id = id, .generation = generation, .run_ms = run_ms };

	return call(fd, UPCALL_IOC_CLAIM, &claim);
}

int shim_native(int fd, uint64_t id, uint32_t generation)
{
	struct upcall_ref ref = { .id = id, .generation = generation };

	return call(fd, UPCALL_IOC_NATIVE, &ref);
}

int shim_deny(int fd, uint64_t id, uint32_t generation, int error)
{
	struct upcall_ref ref = { .id = id, .generation = generation, .error = (uint32_t)error };

	return call(fd, UPCALL_IOC_DENY, &ref);
}

int shim_again(int fd, uint64_t id, uint32_t generation)
{
	struct upcall_ref ref = { .id = id, .generation = generation };

	return call(fd, UPCALL_IOC_AGAIN, &ref);
}

int shim_cancel(int fd, uint64_t id, uint32_t generation, int error)
{
	struct upcall_ref ref = { .id = id, .generation = generation, .error = (uint32_t)error };

	return call(fd, UPCALL_IOC_CANCEL, &ref);
}

int shim_witness(int fd)
{
	return call(fd, UPCALL_IOC_WITNESS, NULL);
}

int shim_container_add(int fd, struct upcall_container *container)
{
	return call(fd, UPCALL_IOC_CONTAINER_ADD, container);
}

int shim_container_policy(int fd, uint64_t id, const struct upcall_policy *policy)
{
	struct upcall_container container = { .id = id, .policy = *policy };

	return call(fd, UPCALL_IOC_CONTAINER_POLICY, &container);
}

int shim_container_del(int fd, uint64_t id)
{
	return call(fd, UPCALL_IOC_CONTAINER_DEL, &id);
}

int shim_adopt(int fd, const struct upcall_adoption *adoptions, uint32_t count)
{
	struct upcall_adopt adopt = { .adoptions = (uintptr_t)adoptions, .count = count };

	return call(fd, UPCALL_IOC_ADOPT, &adopt);
}

int shim_container_next(int fd, uint64_t after, struct upcall_container *ret)
{
	ret->id = after;
	return call(fd, UPCALL_IOC_CONTAINER_NEXT, ret);
}
