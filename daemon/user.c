// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"
#include "user.h"

const char *user_file = "/etc/passwd";

/* Bytes of UID- at the beginning, or 0. */
static size_t prefix_size(uint32_t uid, const char *name)
{
	char prefix[16];
	size_t size = (size_t)snprintf(prefix, sizeof(prefix), "%u-", uid);

	return strncmp(name, prefix, size) ? 0 : size;
}

int user_container_name(uint32_t uid, const char *name, char out[UPCALL_NAME_LEN])
{
	int size;

	if (!uid || prefix_size(uid, name))
		size = snprintf(out, UPCALL_NAME_LEN, "%s", name);
	else
		size = snprintf(out, UPCALL_NAME_LEN, "%u-%s", uid, name);
	return size < UPCALL_NAME_LEN ? 0 : -ENAMETOOLONG;
}

const char *user_own_name(uint32_t uid, const char *name)
{
	return uid ? name + prefix_size(uid, name) : name;
}

/* fgetpwent(3) reads that file and nothing else: a name service could take as long as it likes. */
static int find_in_file(const char *name, uint32_t *ret)
{
	cleanup_file FILE *file = fopen(user_file, "re");
	struct passwd *entry;

	if (!file)
		return -errno;
	errno = 0;
	/* cppcheck-suppress fgetpwentCalled ; there is one thread */
	while ((entry = fgetpwent(file)))
		if (!strcmp(entry->pw_name, name)) {
			*ret = entry->pw_uid;
			return 0;
		}
	/* at the end glibc says ENOENT, or nothing */
	return errno ? -errno : -ENOENT;
}

int user_by_name(const char *name, uint32_t *ret)
{
	uint64_t number;

	/* the highest is no user's: chown(2) means "as it is" by it */
	if (text_number(name, 0, UINT32_MAX - 1, &number) < 0)
		return find_in_file(name, ret);
	*ret = (uint32_t)number;
	return 0;
}
