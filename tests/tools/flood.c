// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raises many key requests at once
 *
 * flood COUNT PREFIX
 *
 * Forks COUNT children that each request the user key PREFIX0, PREFIX1, and so on, and
 * prints how many calls ended how: "NAME COUNT" each, with "ok" or the errno's name.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its exit status is the errno: all that come here are smaller than 256. */
static int ask(const char *prefix, int number)
{
	char description[256];

	snprintf(description, sizeof(description), "%s%d", prefix, number);
	if (syscall(SYS_request_key, "user", description, "c", KEY_SPEC_PROCESS_KEYRING) < 0)
		return errno;
	return 0;
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
static void start(const char *prefix, int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(ask(prefix, i));
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
	if (argc != 3)
		return 2;
	start(argv[2], atoi(argv[1]));
	while (reap(0))
		;
	for (int i = 0; i < 256; i++)
		if (endings[i])
			printf("%s %d\n", i ? strerrorname_np(i) : "ok", endings[i]);
	return 0;
}
