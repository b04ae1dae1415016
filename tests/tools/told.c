// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A key's handler whose answer and exit status are in the key's description
 *
 * For a description "told:STATUS:TAG": adds the line TAG to /tmp/ran, waits until
 * /gate/open exists, instantiates the key with TAG and exits with STATUS. Where the
 * policy has Answer=yes, it prints TAG instead. Anything that fails is exit status
 * 201 or more, which no description names.
 */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void gate_wait(void)
{
	const struct timespec pause = { .tv_nsec = 20000000 };

	while (access("/gate/open", F_OK))
		nanosleep(&pause, NULL);
}

/* One write(2), so that lines of others do not mix with it. */
static int note(const char *tag)
{
	char line[256];
	size_t length = strlen(tag);
	int fd = open("/tmp/ran", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || length + 1 > sizeof(line))
		return -1;
	memcpy(line, tag, length);
	line[length++] = '\n';
	return write(fd, line, length) == (ssize_t)length ? close(fd) : -1;
}

static int instantiate(long key, const char *tag)
{
	if (syscall(SYS_keyctl, KEYCTL_ASSUME_AUTHORITY, key) < 0)
		return -1;
	return syscall(SYS_keyctl, KEYCTL_INSTANTIATE, key, tag, strlen(tag), 0) < 0 ? -1 : 0;
}

static int print(const char *tag)
{
	return write(STDOUT_FILENO, tag, strlen(tag)) == (ssize_t)strlen(tag) ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *answered = getenv("UPCALL_KEY_DESCRIPTION");
	char about[512] = "";
	char *status, *tag;
	long key = 0;

	if (answered) {
		snprintf(about, sizeof(about), ";%s", answered);
	} else {
		if (argc < 3 || strcmp(argv[1], "create"))
			return 201;
		key = strtol(argv[2], NULL, 10);
		if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, about, sizeof(about)) < 0)
			return 202;
	}
	status = strstr(about, ";told:");
	tag = status ? strchr(status + strlen(";told:"), ':') : NULL;
	if (!tag)
		return 203;
	status += strlen(";told:");
	*tag++ = '\0';
	if (note(tag))
		return 204;
	gate_wait();
	if (answered ? print(tag) : instantiate(key, tag))
		return 205;
	return atoi(status);
}
