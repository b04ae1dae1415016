// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raises many upcalls at once
 *
 * flood COUNT PREFIX [WHAT]
 *
 * Forks COUNT children that each request the user key PREFIX0, PREFIX1, and so on; or,
 * WHAT being
 *   same     the user key PREFIX, for the session keyring that they all have
 *   each     the user key PREFIX, each for a session keyring of its own
 *   socket   a socket of the family of that number
 * and prints how many calls ended how: "NAME COUNT" each, with "ok" or the errno's name.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum what {
	NUMBERED,
	SAME,
	EACH,
	SOCKET
};

static int ask_key(const char *description, int keyring)
{
	return syscall(SYS_request_key, "user", description, "c", keyring) < 0 ? errno : 0;
}

/* Its exit status is the errno: all that come here are smaller than 256. */
static int ask(enum what what, const char *prefix, int number)
{
	char description[256];

	snprintf(description, sizeof(description), "%s%d", prefix, number);
	switch (what) {
	case NUMBERED:
		return ask_key(description, KEY_SPEC_PROCESS_KEYRING);
	case SAME:
		return ask_key(prefix, KEY_SPEC_SESSION_KEYRING);
	case EACH:
		if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
			return errno;
		return ask_key(prefix, KEY_SPEC_SESSION_KEYRING);
	case SOCKET:
		return socket(atoi(prefix), SOCK_STREAM, 0) < 0 ? errno : 0;
	}
	return 255;
}

static enum what what_of(int argc, char **argv)
{
	if (argc < 4)
		return NUMBERED;
	if (!strcmp(argv[3], "same"))
		return SAME;
	if (!strcmp(argv[3], "each"))
		return EACH;
	if (!strcmp(argv[3], "socket"))
		return SOCKET;
	exit(2);
}

static int endings[256];

/* 0: none has ended, or there is none. */
static int reap(int options)
{
	int status;

	if (waitpid(-1, &status, options) <= 0)
		return 0;
	if (!WIFEXITED(status)) {
		fprintf(stderr, "flood: a child was killed\n");
		exit(1);
	}
	endings[WEXITSTATUS(status)]++;
	return 1;
}

/* Who was refused is reaped meanwhile: there are more of them than the machine has pids. */
static void start(enum what what, const char *prefix, int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(ask(what, prefix, i));
		if (pid < 0) {
			perror("flood: fork");
			exit(2);
		}
		while (reap(WNOHANG))
			;
	}
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4)
		return 2;
	start(what_of(argc, argv), argv[2], atoi(argv[1]));
	while (reap(0))
		;
	for (int i = 0; i < 256; i++)
		if (endings[i])
			printf("%s %d\n", i ? strerrorname_np(i) : "ok", endings[i]);
	return 0;
}
