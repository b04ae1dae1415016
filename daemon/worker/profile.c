// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "profile.h"
#include "seccomp-code.h"

int profile_read(int fd, struct profile *ret)
{
	/* a byte more than may be, so that it is seen */
	const size_t room = BPF_MAXINSNS * sizeof(struct sock_filter) + 1;
	cleanup_free struct sock_filter *code = malloc(room);
	size_t count, at;
	ssize_t size;

	if (!code)
		return -ENOMEM;
	size = pread(fd, code, room, 0);
	if (size < 0)
		return -errno;
	count = (size_t)size / sizeof(*code);
	if ((size_t)size % sizeof(*code) != 0 || seccomp_code_check(code, count, &at) < 0)
		return -EBADMSG;
	ret->count = (unsigned short)count;
	ret->code = take_ptr(code);
	return 0;
}

int profile_apply(const struct profile *profile)
{
	const struct sock_fprog program = { profile->count, profile->code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

void profile_clear(struct profile *profile)
{
	free(profile->code);
	*profile = PROFILE_NULL;
}
