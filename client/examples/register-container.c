// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Runs a program in a container that upcalld knows from its first moment on: its upcalls are
 * answered as the files in /etc/upcalld.d say for NAME
 *
 *	register-container NAME PROGRAM [ARG...]
 *
 *	cc register-container.c -lupcall -o register-container
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <libupcall-container.h>
#include <libupcall.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int must(int r, const char *what)
{
	if (r >= 0)
		return r;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(1);
}

static void tell_upcalld(int container)
{
	struct upcall_connection *connection;
	struct upcall_entry *entry = NULL;
	int r;

	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_register_container(connection, NULL, container, NULL, &entry);
	if (r < 0)
		fprintf(stderr, "%s\n", upcall_error(connection, r));
	else
		printf("%s: leader %u, cgroup %s\n", entry->name, entry->leader, entry->cgroup);
	fflush(stdout);
	upcall_entry_free(entry);
	upcall_close(connection);
	if (r < 0)
		exit(1);
}

int main(int argc, char **argv)
{
	int container, registered[2], status;
	char word;
	pid_t pid;

	if (argc < 3)
		return 2;
	container = must(upcall_container_create(argv[1],
						 UPCALL_CONTAINER_NEW_FS_NS |
							 UPCALL_CONTAINER_NEW_CGROUP_NS |
							 UPCALL_CONTAINER_NEW_PID_NS |
							 UPCALL_CONTAINER_KILL_ON_CLOSE |
							 UPCALL_CONTAINER_FD_CLOEXEC,
						 NULL),
			 "create");
	if (pipe2(registered, O_CLOEXEC) < 0)
		must(-errno, "pipe2");
	pid = must(upcall_container_fork(container), "fork");
	if (!pid) {
		close(registered[1]);
		if (read(registered[0], &word, 1) != 1)
			return 1;
		execv(argv[2], argv + 2);
		return 127;
	}
	tell_upcalld(container);
	if (write(registered[1], "", 1) != 1)
		must(-errno, "write");
	if (waitpid(pid, &status, 0) != pid)
		must(-errno, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
