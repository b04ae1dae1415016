// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake-shim.h"

struct fake_shim fake_shim;

static int take_failure(int *slot)
{
	int failure = *slot;

	*slot = 0;
	return failure;
}

struct tags fake_process(void)
{
	struct tags tags = { .start_time = 12345, .net_cookie = 77, .cgroup_id = 0 };

	for (uint32_t i = 0; i < UPCALL_NS_COUNT; i++)
		tags.ns[i] = 4026532000U + i;
	return tags;
}

void fake_shim_reset(void)
{
	for (unsigned int i = 0; i < fake_shim.upcalls_count; i++)
		if (fake_shim.upcalls[i].claims)
			close(fake_shim.upcalls[i].gone);
	free(fake_shim.adoptions);
	memset(&fake_shim, 0, sizeof(fake_shim));
	fake_shim.next_id = UPCALL_CONTAINER_FIRST;
	fake_shim.process = fake_process();
}

/* ------------------------------------------------------------------ upcalls */

struct fake_upcall *fake_upcall_add(const struct tags *tags)
{
	struct fake_upcall *upcall = &fake_shim.upcalls[fake_shim.upcalls_count++];

	*upcall = (struct fake_upcall){ .tags = *tags, .fd = -1, .gone = -1 };
	return upcall;
}

struct fake_upcall *fake_upcall_find(uint64_t id)
{
	for (unsigned int i = 0; i < fake_shim.upcalls_count; i++)
		if (fake_shim.upcalls[i].tags.id == id)
			return &fake_shim.upcalls[i];
	return NULL;
}

bool fake_upcall_dropped(const struct fake_upcall *upcall)
{
	struct pollfd gone = { .fd = upcall->gone, .events = POLLIN };

	return poll(&gone, 1, 1000) == 1;
}

static struct fake_upcall *offered(uint64_t id, uint32_t generation)
{
	struct fake_upcall *upcall = fake_upcall_find(id);

	if (!upcall || upcall->end != FAKE_OFFERED || upcall->tags.generation != generation)
		return NULL;
	return upcall;
}

static int end(uint64_t id, uint32_t generation, enum fake_end how, int error)
{
	struct fake_upcall *upcall = offered(id, generation);

	if (!upcall)
		return -ESTALE;
	upcall->end = how;
	upcall->error = error;
	return 0;
}

int shim_claim(int fd, uint64_t id, uint32_t generation, uint32_t run_ms)
{
	struct fake_upcall *upcall = offered(id, generation);
	int failure = take_failure(&fake_shim.fail_claim), ends[2];

	if (failure)
		return failure;
	if (!upcall)
		return -ESTALE;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	if (upcall->claims++)
		close(upcall->gone);
	upcall->gone = ends[0];
	upcall->fd = ends[1];
	upcall->end = FAKE_CLAIMED;
	upcall->run_ms = run_ms;
	return ends[1];
}

int shim_native(int fd, uint64_t id, uint32_t generation)
{
	return end(id, generation, FAKE_NATIVE, 0);
}

int shim_deny(int fd, uint64_t id, uint32_t generation, int error)
{
	return end(id, generation, FAKE_DENIED, error);
}

int shim_again(int fd, uint64_t id, uint32_t generation)
{
	return end(id, generation, FAKE_AGAIN, 0);
}

int shim_adopt(int fd, const struct upcall_adoption *adoptions, uint32_t count)
{
	if (count > UPCALL_ADOPTIONS)
		return -E2BIG;
	free(fake_shim.adoptions);
	fake_shim.adoptions = calloc(count + 1, sizeof(*adoptions));
	memcpy(fake_shim.adoptions, adoptions, count * sizeof(*adoptions));
	fake_shim.adoptions_count = count;
	return 0;
}

int shim_witness(int fd)
{
	int failure = take_failure(&fake_shim.fail_witness);

	return failure ? failure : eventfd(0, EFD_CLOEXEC);
}

int shim_cancel(int fd, uint64_t id, uint32_t generation, int error)
{
	struct fake_upcall *upcall = fake_upcall_find(id);
	int failure = take_failure(&fake_shim.fail_cancel);

	if (failure)
		return failure;
	if (!upcall || upcall->end > FAKE_CLAIMED || upcall->tags.generation != generation)
		return -ENOENT;
	upcall->end = FAKE_CANCELLED;
	upcall->error = error;
	return 0;
}

int shim_complete(int upcall_fd, int error)
{
	/* numbers are used again: the latest */
	for (unsigned int i = fake_shim.upcalls_count; i > 0; i--)
		if (fake_shim.upcalls[i - 1].fd == upcall_fd) {
			fake_shim.upcalls[i - 1].end = FAKE_COMPLETED;
			fake_shim.upcalls[i - 1].error = error;
			return 0;
		}
	return -ESTALE;
}

int shim_attach(int upcall_fd, uint64_t capabilities)
{
	return -ENOTTY;
}

int shim_list(int fd, uint64_t after, struct upcall_list_entry *entries, uint32_t room)
{
	uint32_t count = 0;

	for (unsigned int i = 0; i < fake_shim.upcalls_count && count < room; i++) {
		const struct fake_upcall *upcall = &fake_shim.upcalls[i];

		if (upcall->tags.id <= after || upcall->end > FAKE_CLAIMED)
			continue;
		entries[count++] = (struct upcall_list_entry){
			.id = upcall->tags.id,
			.generation = upcall->tags.generation,
			.class = upcall->tags.class,
			.container = upcall->tags.container,
			.age_ns = 5000000,
			.deadline_ns = 7000000,
			.state = upcall->end == FAKE_OFFERED ? UPCALL_STATE_OFFERED :
							       UPCALL_STATE_CLAIMED,
		};
	}
	return (int)count;
}

int shim_info(int fd, uint64_t id, uint32_t generation, struct shim_info *ret)
{
	struct fake_upcall *upcall = offered(id, generation);

	fake_shim.info_calls++;
	if (!upcall)
		return -ESTALE;
	ret->buffer = NULL;
	ret->tags = upcall->tags;
	return 0;
}

void shim_info_clear(struct shim_info *info)
{
	free(info->buffer);
	*info = SHIM_INFO_NULL;
}

/* --------------------------------------------------------------- processes */

int shim_tags(int fd, uint32_t pid, struct tags *ret)
{
	int failure = take_failure(&fake_shim.fail_tags);

	fake_shim.tags_calls++;
	if (failure)
		return failure;
	if (fake_shim.only_pid && pid != fake_shim.only_pid)
		return -ESRCH;
	*ret = fake_shim.process;
	return 0;
}

int shim_version(int fd, struct upcall_version *ret)
{
	*ret = (struct upcall_version){ .abi = UPCALL_ABI_VERSION,
					.features = UPCALL_FEATURE_ADOPTION | UPCALL_FEATURE_OWNERS,
					.version = "fake" };
	return 0;
}

int shim_endings(int fd, uint32_t class, uint64_t *values, uint32_t room)
{
	return -ENOTTY;
}

int shim_subscribe(int fd, int netlink_fd)
{
	return 0;
}

/* -------------------------------------------------------------- containers */

static struct upcall_container *container_find(uint64_t id)
{
	for (unsigned int i = 0; i < fake_shim.containers_count; i++)
		if (fake_shim.containers[i].id == id)
			return &fake_shim.containers[i];
	return NULL;
}

int shim_container_add(int fd, struct upcall_container *container)
{
	int failure = take_failure(&fake_shim.fail_add);

	if (fake_shim.before_add)
		fake_shim.before_add();
	if (failure)
		return failure;
	if (container->flags & UPCALL_CONTAINER_OWNED &&
	    container->owner == FAKE_SHIM_OWNER_OF_NOTHING)
		return -EPERM;
	for (unsigned int i = 0; i < fake_shim.containers_count; i++) {
		const struct upcall_container *other = &fake_shim.containers[i];

		if (other->leader == container->leader || (other->state == UPCALL_CONTAINER_LIVE &&
							   !strcmp(other->name, container->name)))
			return -EEXIST;
	}
	if (container->start_time && container->start_time != fake_shim.process.start_time)
		return -ESRCH;
	container->flags &= UPCALL_CONTAINER_SHARED;
	container->id = fake_shim.next_id++;
	container->start_time = fake_shim.process.start_time;
	container->net_cookie = fake_shim.process.net_cookie;
	container->own_ns = 0x7f;
	memcpy(container->ns, fake_shim.process.ns, sizeof(container->ns));
	fake_shim.containers[fake_shim.containers_count++] = *container;
	return 0;
}

int shim_container_policy(int fd, uint64_t id, const struct upcall_policy *policy)
{
	struct upcall_container *container = container_find(id);
	int failure = take_failure(&fake_shim.fail_policy);

	fake_shim.policy_calls++;
	if (failure)
		return failure;
	if (!container)
		return -ENOENT;
	container->policy = *policy;
	return 0;
}

int shim_container_del(int fd, uint64_t id)
{
	struct upcall_container *container = container_find(id);

	if (!container)
		return -ENOENT;
	*container = fake_shim.containers[--fake_shim.containers_count];
	return 0;
}

int shim_container_next(int fd, uint64_t after, struct upcall_container *ret)
{
	const struct upcall_container *lowest = NULL;
	int failure = take_failure(&fake_shim.fail_next);

	if (failure)
		return failure;
	for (unsigned int i = 0; i < fake_shim.containers_count; i++) {
		const struct upcall_container *container = &fake_shim.containers[i];

		if (container->id > after && (!lowest || container->id < lowest->id))
			lowest = container;
	}
	if (!lowest)
		return -ENOENT;
	*ret = *lowest;
	return 0;
}
