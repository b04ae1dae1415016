// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handlers that do not do as they should
 *
 * unruly leave COUNT [SECONDS]  forks twice for each of COUNT processes, which have sessions of
 *                               their own, are deaf to every signal that one can be deaf to and
 *                               stay; writes how many there are to /gate/left, once they are; goes
 *                               itself after SECONDS (default 0)
 * unruly fork                   forks for ever, as all that it forks does
 * unruly swallow                takes memory for ever
 * unruly hold PID               traces that process and waits for nothing: its end is nobody else's
 * to see
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_deaf(void)
{
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_IGN);
}

/* Two forks away, in another session than its parent: nobody's child but init's. */
static void leave_one(int ready)
{
	pid_t pid = fork();

	if (pid > 0) {
		(void)waitpid(pid, NULL, 0);
		return;
	}
	if (pid < 0 || setsid() < 0 || fork() != 0)
		_exit(0);
	be_deaf();
	(void)setsid();
	if (write(ready, "1", 1) != 1)
		_exit(1);
	close(ready);
	/* what it was given is not what keeps it */
	for (int fd = 0; fd < 64; fd++)
		close(fd);
	for (;;)
		pause();
}

static int verb_leave(char **argv)
{
	int count = argv[0] ? atoi(argv[0]) : 0, left = 0, fds[2];
	char byte;
	FILE *file;

	if (count < 1 || pipe2(fds, O_CLOEXEC) < 0)
		return 2;
	for (int i = 0; i < count; i++)
		leave_one(fds[1]);
	close(fds[1]);
	while (read(fds[0], &byte, 1) == 1)
		left++;
	file = fopen("/gate/left", "we");
	if (!file || fprintf(file, "%d\n", left) < 0 || fclose(file) != 0)
		return 1;
	be_deaf();
	sleep(argv[1] ? (unsigned int)atoi(argv[1]) : 0);
	return 0;
}

static int verb_fork(char **argv)
{
	(void)argv;
	be_deaf();
	/* one that cannot fork tries again */
	for (;;)
		if (fork() < 0)
			usleep(1000);
	return 0;
}

static int verb_swallow(char **argv)
{
	(void)argv;
	for (;;) {
		char *memory = malloc(1 << 20);

		if (memory)
			memset(memory, 1, 1 << 20);
	}
	return 0;
}

static int verb_hold(char **argv)
{
	if (!argv[0] || ptrace(PTRACE_SEIZE, (pid_t)strtol(argv[0], NULL, 10), NULL, NULL) < 0)
		return 1;
	puts("holds");
	(void)fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(char **argv);
	} verbs[] = { { "leave", verb_leave },
		      { "fork", verb_fork },
		      { "swallow", verb_swallow },
		      { "hold", verb_hold } };
	const char *name = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(name, verbs[i].name))
			return verbs[i].run(argv + 2);
	fprintf(stderr, "unruly: bad usage\n");
	return 2;
}
