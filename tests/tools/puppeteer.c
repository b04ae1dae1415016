// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The container's root, who makes a program of ours call unshare(2), or kill(2)
 *
 * puppeteer ROUNDS TYPE PREFIX: each round asks for a key of that type, whose description begins
 * so, and traces the first process that comes from outside. Prints "own ERRNO" of its own
 * unshare(2), then for each that it caught "caught NAME ERRNO", 0: it worked. In turns it is
 * unshare(2), and SIGKILL for all of the process group: "killed NAME ERRNO", or nothing that it
 * could be asked any more.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIDS 4096

static char known[PIDS];
static int kills; /* this round */

/* Of a process whose parent is not in this namespace; the first word of its command line. */
static int comes_from_outside(int pid, char *name, size_t room)
{
	char path[32], line[128];
	int outside = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	snprintf(name, room, "?");
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "Name:\t", 6))
			snprintf(name, room, "%.*s", (int)strcspn(line + 6, "\n"), line + 6);
		if (!strcmp(line, "PPid:\t0\n"))
			outside = 1;
	}
	fclose(file);
	return outside;
}

static void all_pids(void (*each)(int pid))
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && pid < PIDS)
			each(pid);
	}
	if (directory)
		closedir(directory);
}

static void remember(int pid)
{
	known[pid] = 1;
}

/* Wherever it has stopped: the instruction there becomes a system call. */
static int call_by(int pid, unsigned long number, unsigned long first, unsigned long second)
{
	struct user_regs_struct registers;
	int status;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0 ||
	    ptrace(PTRACE_POKETEXT, pid, (void *)registers.rip, (void *)0x050ful) < 0)
		return -1;
	registers.rax = number;
	registers.orig_rax = (unsigned long)-1;
	registers.rdi = first;
	registers.rsi = second;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &registers) < 0 ||
	    ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 ||
	    waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0)
		return -1;
	return (int)-(long)registers.rax;
}

static void catch (int pid)
{
	char name[64];
	int status, error;

	if (known[pid] || !comes_from_outside(pid, name, sizeof(name)))
		return;
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
		return;
	if (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		error = kills ? call_by(pid, SYS_kill, 0, SIGKILL) :
				call_by(pid, SYS_unshare, CLONE_NEWUSER, 0);
		/* who has killed himself, too, says nothing any more */
		if (error >= 0 || kills)
			printf("%s %s %d\n", kills ? "killed" : "caught", name, error);
		else
			printf("lost %s\n", name);
		fflush(stdout);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, __WALL);
}

static void round_run(const char *type, const char *prefix, int number)
{
	char description[64];
	pid_t requester;

	kills = number % 2;
	snprintf(description, sizeof(description), "%sn%d.example", prefix, number);
	requester = fork();
	if (requester == 0) {
		freopen("/dev/null", "w", stdout);
		execl("/bin/requester", "requester", "key", type, description, "x", NULL);
		_exit(1);
	}
	while (waitpid(requester, NULL, WNOHANG) == 0)
		all_pids(catch);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	printf("own %d\n", unshare(CLONE_NEWUSER) < 0 ? errno : 0);
	fflush(stdout);
	all_pids(remember);
	for (int i = 0; i < atoi(argv[1]); i++)
		round_run(argv[2], argv[3], i);
	return 0;
}
