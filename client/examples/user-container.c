// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A container of an ordinary user, who is root in it, and what may be done with it from outside
 *
 *	cc user-container.c -lupcall -o user-container
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <libupcall-container.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* libupcall says by its results what went wrong. */
static int must(int r, const char *what)
{
	if (r >= 0)
		return r;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(1);
}

static void mount_tmpfs(int container, const char *path)
{
	int fs, mount;

	fs = must(upcall_container_fsopen(container, "tmpfs", 0), "fsopen");
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		must(-errno, "fsconfig");
	mount = must(upcall_container_fsmount(container, fs, 0, 0), "fsmount");
	must(upcall_container_move_mount(container, mount, path), "move_mount");
	close(fs);
	close(mount);
}

int main(void)
{
	int container, root, status;
	pid_t pid;

	container = must(
		upcall_container_create(
			"mine",
			UPCALL_CONTAINER_NEW_USER_NS | UPCALL_CONTAINER_NEW_PID_NS |
				UPCALL_CONTAINER_NEW_EMPTY_FS_NS | UPCALL_CONTAINER_NEW_NET_NS |
				UPCALL_CONTAINER_KILL_ON_CLOSE | UPCALL_CONTAINER_FD_CLOEXEC,
			NULL),
		"create");
	root = must(upcall_container_root(container), "root");
	/* nothing has lived in it that could make a link: else, openat2(2) with RESOLVE_IN_ROOT */
	if (mkdirat(root, "data", 0700) < 0)
		must(-errno, "mkdirat");
	mount_tmpfs(container, "data");

	pid = must(upcall_container_fork(container), "fork");
	if (!pid) {
		printf("pid %d, uid %d, /data is %s\n", getpid(), getuid(),
		       mkdir("/data/here", 0700) < 0 ? "not ours" : "ours");
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		must(-errno, "waitpid");
	must(upcall_container_wait(container, 10000), "wait");
	close(root);
	close(container);
	return status != 0;
}
