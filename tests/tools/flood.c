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

static int start(const char *prefix, int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(ask(prefix, i));
		if (pid < 0) {
			perror("flood: fork");
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	int endings[256] = { 0 };
	int status;

	if (argc != 3 || start(argv[2], atoi(argv[1])))
		return 2;
	while (wait(&status) > 0) {
		if (!WIFEXITED(status)) {
			fprintf(stderr, "flood: a child was killed\n");
			return 1;
		}
		endings[WEXITSTATUS(status)]++;
	}
	for (int i = 0; i < 256; i++)
		if (endings[i])
			printf("%s %d\n", i ? strerrorname_np(i) : "ok", endings[i]);
	return 0;
}
