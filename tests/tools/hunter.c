// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The container's root, hunting for processes that enter
 *
 * hunter LOG PROGRAM…
 *
 * Loops over all pids of its namespace until /gate/stop exists: for each one
 * that is not itself it tries to attach, and to open exe, cwd, root, mem and
 * every fd, and reads what everybody may: are its mounts and its sockets those of
 * the container? Writes to LOG "own PROGRAM" where a success shows one of PROGRAMs as
 * the executable, "gone WHAT" where the process is ending, has no memory any more
 * and shows no more than the container's root, and "host WHAT PID DETAIL" where
 * it shows anything else.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *log_file;
static char **programs;

static int is_own(const char *exe)
{
	for (char **program = programs; *program; program++)
		if (!strcmp(*program, exe))
			return 1;
	return 0;
}

/* Its executable, or NULL where that cannot be read: then nothing was gained. */
static const char *exe_of(const char *pid)
{
	static char target[PATH_MAX];
	char path[64];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	size = readlink(path, target, sizeof(target) - 1);
	if (size <= 0)
		return NULL;
	target[size] = '\0';
	return target;
}

/* Field 9 of stat; the name before it may hold anything, but the last ')' is the end of it. */
static int is_ending(const char *pid)
{
	const unsigned int exiting = 0x4; /* PF_EXITING */
	char path[64], text[1024], state;
	unsigned int flags;
	FILE *stat;
	size_t size;
	char *end;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	stat = fopen(path, "re");
	if (!stat)
		return 1;
	size = fread(text, 1, sizeof(text) - 1, stat);
	fclose(stat);
	text[size] = '\0';
	end = strrchr(text, ')');
	if (!end)
		return 1;
	if (sscanf(end, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return 0;
	return flags & exiting;
}

/* With a NUL at the end. What it was, or -1. */
static ssize_t read_all(const char *path, char *text, size_t room)
{
	FILE *file = fopen(path, "re");
	size_t size;

	if (!file)
		return -1;
	size = fread(text, 1, room - 1, file);
	fclose(file);
	text[size] = '\0';
	return (ssize_t)size;
}

static int is_own_root(int fd)
{
	struct stat ours, theirs;

	return !stat("/", &ours) && !fstat(fd, &theirs) && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

/* Judged after the success: an exec in between only makes a host process look like one. */
static void success(const char *what, const char *pid, const char *before, int harmless)
{
	if (before && is_own(before))
		fprintf(log_file, "own %s %s\n", before, what);
	else if (!before && harmless && is_ending(pid))
		fprintf(log_file, "gone %s\n", what);
	else
		fprintf(log_file, "host %s %s exe=%s\n", what, pid, before ? before : "?");
	fflush(log_file);
}

static void try_open(const char *pid, const char *name, int flags)
{
	const char *exe = exe_of(pid);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return;
	/* unreadable before and opened: it may have become ours in between */
	success(name, pid, exe ? exe : exe_of(pid), is_own_root(fd));
	close(fd);
}

/*
 * From a child, whose end detaches: a requester that waits in the kernel could
 * not be stopped, so not be detached from, before it has its answer.
 */
static void try_attach(const char *pid)
{
	pid_t child = fork();

	if (child == 0) {
		if (!ptrace(PTRACE_SEIZE, (pid_t)atoi(pid), NULL, NULL))
			success("attach", pid, exe_of(pid), 1);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* Where the kernel asks nobody's leave: what it shows has to be what we have ourselves. */
static void compare_mounts(const char *pid)
{
	static char ours[1 << 16], theirs[sizeof(ours)];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", pid);
	if (read_all(path, theirs, sizeof(theirs)) <= 0 ||
	    read_all("/proc/self/mountinfo", ours, sizeof(ours)) <= 0)
		return;
	if (strcmp(ours, theirs) != 0) {
		fprintf(log_file, "host mountinfo %s\n", pid);
		fflush(log_file);
	}
}

/* Each network namespace has files of its own below /proc/PID/net. */
static void compare_net(const char *pid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/net/unix", pid);
	if (stat(path, &theirs) || stat("/proc/self/net/unix", &ours))
		return;
	if (ours.st_ino != theirs.st_ino) {
		fprintf(log_file, "host net %s\n", pid);
		fflush(log_file);
	}
}

static void hunt(const char *pid)
{
	compare_mounts(pid);
	compare_net(pid);
	try_attach(pid);
	try_open(pid, "mem", O_RDWR);
	try_open(pid, "exe", O_RDONLY);
	try_open(pid, "cwd", O_RDONLY | O_DIRECTORY);
	try_open(pid, "root", O_RDONLY | O_DIRECTORY);
	try_open(pid, "fd/0", O_RDONLY | O_NONBLOCK);
	try_open(pid, "fd/100", O_RDONLY | O_NONBLOCK);
	try_open(pid, "fd/101", O_RDONLY | O_NONBLOCK);
}

int main(int argc, char **argv)
{
	int self = getpid();

	if (argc < 3)
		return 2;
	programs = argv + 2;
	log_file = fopen(argv[1], "w");
	if (!log_file)
		return 1;
	while (access("/gate/stop", F_OK)) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		while (proc && (entry = readdir(proc))) {
			const int number = atoi(entry->d_name);
			char pid[16];

			snprintf(pid, sizeof(pid), "%d", number);
			if (number > 1 && number != self)
				hunt(pid);
		}
		if (proc)
			closedir(proc);
	}
	return 0;
}
