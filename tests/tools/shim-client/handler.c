// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's helper, in a process of ours. */
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim-client.h"

static void strings_split(const char *data, size_t length, char **ret, size_t room)
{
	size_t count = 0;

	for (size_t at = 0; data && at < length && count + 1 < room; at += strlen(data + at) + 1)
		ret[count++] = (char *)data + at;
	ret[count] = NULL;
}

/* As the helper. The key is the second argument of request-key(8). */
static void instantiate(char *const *argv)
{
	long key = argv[0] && argv[1] && argv[2] ? strtol(argv[2], NULL, 10) : 0;

	if (syscall(SYS_keyctl, KEYCTL_ASSUME_AUTHORITY, key) < 0 ||
	    syscall(SYS_keyctl, KEYCTL_INSTANTIATE, key, "whole", 5, 0) < 0)
		_exit(125);
}

void attach_and_run(int upcall, const char *info, size_t size, const char *action)
{
	struct upcall_attach attach = { .capabilities = ~0ULL };
	char *argv[64], *envp[64];
	const char *path, *data;
	size_t length = 0;

	upcall = fcntl(upcall, F_DUPFD_CLOEXEC, 100);
	close_range(0, 99, 0);
	if (ioctl(upcall, UPCALL_IOC_ATTACH, &attach))
		_exit(126);
	path = attribute_find(info, size, UPCALL_A_PATH, &length);
	data = attribute_find(info, size, UPCALL_A_ARGV, &length);
	strings_split(data, length, argv, 64);
	if (!strcmp(action, "instantiate"))
		instantiate(argv);
	while (strcmp(action, "run"))
		pause();
	data = attribute_find(info, size, UPCALL_A_ENVP, &length);
	strings_split(data, data ? length : 0, envp, 64);
	execve(path, argv, envp);
	_exit(127);
}
