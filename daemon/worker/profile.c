// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "profile.h"
#include "seccomp-code.h"

/* One that has been checked. */
static int filter_append(struct profile *profile, const struct sock_filter *code, size_t count)
{
	struct sock_fprog *filters;

	filters = reallocarray(profile->filters, profile->count + 1, sizeof(*filters));
	if (!filters)
		return -ENOMEM;
	profile->filters = filters;
	filters += profile->count;
	filters->len = (unsigned short)count;
	filters->filter = malloc(count * sizeof(*code));
	if (!filters->filter)
		return -ENOMEM;
	memcpy(filters->filter, code, count * sizeof(*code));
	profile->count++;
	return 0;
}

int profile_add(struct profile *profile, const struct sock_filter *code, size_t count)
{
	size_t at;

	if (seccomp_code_check(code, count, &at) < 0)
		return -EBADMSG;
	return profile->count < PROFILE_FILTERS_MAX ? filter_append(profile, code, count) : -E2BIG;
}

int profile_read(int fd, struct profile *ret)
{
	/* a byte more than may be, so that it is seen */
	const size_t room = BPF_MAXINSNS * sizeof(struct sock_filter) + 1;
	cleanup_free struct sock_filter *code = malloc(room);
	ssize_t size;

	if (!code)
		return -ENOMEM;
	size = pread(fd, code, room, 0);
	if (size < 0)
		return -errno;
	if ((size_t)size % sizeof(*code) != 0)
		return -EBADMSG;
	return profile_add(ret, code, (size_t)size / sizeof(*code));
}

int profile_copy(const struct profile *profile, struct profile *ret)
{
	int error = 0;

	for (size_t i = 0; i < profile->count && error == 0; i++)
		error = filter_append(ret, profile->filters[i].filter, profile->filters[i].len);
	return error;
}

/* By what the one before it leaves: whoever applied it had no more than one of the two, perhaps. */
static int filter_add(const struct sock_fprog *filter)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) == 0)
		return 0;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) < 0 ? -errno : 0;
}

int profile_apply(const struct profile *profile)
{
	int ret = 0;

	for (size_t i = 0; i < profile->count && ret == 0; i++)
		ret = filter_add(&profile->filters[i]);
	return ret;
}

void profile_clear(struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++)
		free(profile->filters[i].filter);
	free(profile->filters);
	*profile = PROFILE_NULL;
}
