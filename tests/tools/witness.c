// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A handler that keeps every byte that it was given
 *
 * Into the folder /tmp/seen, if it is there: argv, each with its NUL; of a key
 * also description and callout. Instantiates the key with "seen"; reads a core to
 * its end. Exit status 1 if anything fails.
 */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef KEY_SPEC_REQKEY_AUTH_KEY
#define KEY_SPEC_REQKEY_AUTH_KEY -7
#endif

static int keep(const char *path, const char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		return 1;
	return close(fd) < 0;
}

/* "TYPE;UID;GID;PERMISSIONS;DESCRIPTION" */
static int keep_description(long key)
{
	static char about[8192];
	long size = syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, about, sizeof(about));
	char *at = about;

	if (size < 1 || (size_t)size > sizeof(about))
		return 1;
	for (int i = 0; i < 4; i++) {
		at = strchr(at, ';');
		if (!at)
			return 1;
		at++;
	}
	return keep("/tmp/seen/description", at, (size_t)(about + size - 1 - at));
}

static int keep_callout(void)
{
	static char callout[8192];
	long size = syscall(SYS_keyctl, KEYCTL_READ, KEY_SPEC_REQKEY_AUTH_KEY, callout,
			    sizeof(callout));

	if (size < 0 || (size_t)size > sizeof(callout))
		return 1;
	return keep("/tmp/seen/callout", callout, (size_t)size);
}

static int answer(long key)
{
	if (syscall(SYS_keyctl, KEYCTL_ASSUME_AUTHORITY, key) < 0 || keep_description(key) ||
	    keep_callout())
		return 1;
	return syscall(SYS_keyctl, KEYCTL_INSTANTIATE, key, "seen", 4L, 0) < 0;
}

int main(int argc, char **argv)
{
	static char buffer[65536];

	umask(0);
	for (int i = 0; i < argc; i++)
		if (keep("/tmp/seen/argv", argv[i], strlen(argv[i]) + 1))
			return 1;
	if (argc > 2 && !strcmp(argv[1], "create"))
		return answer(strtol(argv[2], NULL, 10));
	while (read(0, buffer, sizeof(buffer)) > 0)
		;
	return 0;
}
