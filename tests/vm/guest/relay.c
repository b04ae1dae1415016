// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcall-vm-relay OUT STATUS COMMAND ARG...
 *
 * Runs COMMAND with its standard output and error on one pipe, passes what comes
 * through it to the virtio-serial port named OUT as it comes, and when COMMAND has
 * ended writes to the port named STATUS
 *
 *	bytes N		how much went to OUT, so that the host knows when it has all
 *	exit N		COMMAND's status; 128 + signal if it was killed
 *
 * A pipe between, not the port itself: a port can be opened only once, so a
 * script's "> /dev/stderr" would fail with EBUSY. Written in C because an
 * interpreter takes a second to start under emulation, and a shell cannot tell
 * "the pipe is empty" from "somebody in the background still holds it".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char ports[] = "/sys/class/virtio-ports";

/* The names come from the host by a message of their own, a moment after the device. */
static int find_port(const char *name, char *device, size_t size)
{
	DIR *dir = opendir(ports);
	struct dirent *entry;
	int found = 0;

	if (!dir)
		return 0;
	while (!found && (entry = readdir(dir))) {
		char path[512], text[128] = "";
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s/name", ports, entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(text, sizeof(text), file)) {
			text[strcspn(text, "\n")] = '\0';
			if (!strcmp(text, name)) {
				snprintf(device, size, "/dev/%s", entry->d_name);
				found = 1;
			}
		}
		fclose(file);
	}
	closedir(dir);
	return found;
}

static int open_port(const char *name)
{
	const struct timespec step = { .tv_nsec = 50 * 1000 * 1000 };
	char device[300];
	int tries, fd;

	for (tries = 0; tries < 600; tries++) {
		if (find_port(name, device, sizeof(device))) {
			fd = open(device, O_WRONLY | O_CLOEXEC);
			if (fd >= 0)
				return fd;
		}
		nanosleep(&step, NULL);
	}
	errx(125, "no virtio-serial port named %s in %s", name, ports);
}

static void write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			err(125, "cannot write to the host");
		}
		data += n;
		size -= n;
	}
}

/* Passes on what the pipe holds now; the amount. */
static unsigned long long pump(int in, int out)
{
	static char buffer[65536];
	unsigned long long total = 0;
	ssize_t n;

	while ((n = read(in, buffer, sizeof(buffer))) > 0) {
		write_all(out, buffer, n);
		total += n;
	}
	return total;
}

static pid_t start(char **argv, const int *pipefd, const sigset_t *old)
{
	pid_t pid = fork();

	if (pid < 0)
		err(125, "fork");
	if (pid)
		return pid;
	sigprocmask(SIG_SETMASK, old, NULL);
	dup2(pipefd[1], STDOUT_FILENO);
	dup2(pipefd[1], STDERR_FILENO);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int main(int argc, char **argv)
{
	unsigned long long bytes = 0;
	int out, status_port, signals, status, pipefd[2];
	sigset_t mask, old;
	char text[100];
	pid_t pid;

	if (argc < 4)
		errx(2, "usage: %s OUT STATUS COMMAND ARG...", argv[0]);
	out = open_port(argv[1]);
	status_port = open_port(argv[2]);
	if (pipe2(pipefd, O_CLOEXEC))
		err(125, "pipe");
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &old);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	if (signals < 0)
		err(125, "signalfd");
	pid = start(argv + 3, pipefd, &old);
	/* Only our end: the writers' must block when it is full. */
	if (fcntl(pipefd[0], F_SETFL, O_NONBLOCK))
		err(125, "fcntl");

	for (;;) {
		struct pollfd fds[] = { { pipefd[0], POLLIN, 0 }, { signals, POLLIN, 0 } };

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			err(125, "poll");
		if (fds[1].revents) {
			struct signalfd_siginfo info;

			if (read(signals, &info, sizeof(info)) < 0 && errno != EINTR)
				err(125, "signalfd");
			if (waitpid(pid, &status, WNOHANG) == pid)
				break;
		}
		bytes += pump(pipefd[0], out);
	}
	bytes += pump(pipefd[0], out);
	snprintf(text, sizeof(text), "bytes %llu\nexit %d\n", bytes,
		 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	write_all(status_port, text, strlen(text));
	/*
	 * The host ends the machine now. The port stays open: closing it may drop
	 * what the host has not taken yet.
	 */
	for (;;)
		pause();
}
