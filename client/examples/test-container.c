// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The example of the 'Container objects' proposal (David Howells, 2017; as of 2019 with the
 * mount API as Linux has it), step by step with libupcall:
 *
 *	test-container [-k] ROOT-DEV [PROGRAM [ARG...]]
 *
 * makes an empty container, mounts the ext4 of ROOT-DEV as its root, brings up its loopback
 * interface, and runs the program (/bin/sh) as its init. -k closes the container's fd when that
 * runs, which kills it.
 *
 *	cc test-container.c -lupcall -o test-container
 *
 * Where a step differs from the proposal's, a comment says so.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <libupcall-proposal.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void must(int r, const char *what)
{
	if (r < 0)
		fail(what);
}

/* For functions of libupcall that are none of the proposal's. */
static int result(int r)
{
	return upcall_proposal_result(r);
}

/*
 * The proposal mounts it from outside, before the fork. Here the pid namespace, which is what a
 * proc shows, begins with its first process; so that one does it.
 */
static void mount_proc(void)
{
	int fs, mount;

	fs = fsopen("proc", FSOPEN_CLOEXEC);
	must(fs, "fsopen/proc");
	must(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "create/proc");
	mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	must(mount, "fsmount/proc");
	must(move_mount(mount, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH), "move_mount/proc");
	close(fs);
	close(mount);
}

static _Noreturn void container_init(char **program)
{
	static char *shell[] = { (char *)"/bin/sh", NULL };

	mount_proc();
	must((int)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), "keyctl/join");
	setenv("PS1", "container>", 1);
	if (!*program)
		program = shell;
	execv(*program, program);
	fail("execv");
}

static void mount_root(int container, const char *device)
{
	int fs, mount;

	/* FSCONFIG_SET_CONTAINER is said here, at once: fsopen() by somebody in it. */
	fs = result(upcall_container_fsopen(container, "ext4", 0));
	must(fs, "fsopen/root");
	must(fsconfig(fs, FSCONFIG_SET_STRING, "source", device, 0), "source");
	must(fsconfig(fs, FSCONFIG_SET_FLAG, "user_xattr", NULL, 0), "user_xattr");
	must(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "create/root");
	mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	must(mount, "fsmount/root");
	/* move_mount(2) with a container as target, and MOVE_MOUNT_T_CONTAINER_ROOT by the path */
	must(result(upcall_container_move_mount(container, mount, "/")), "move_mount/root");
	close(fs);
	close(mount);
}

static void configure_network(int container)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd;

	fd = container_socket(container, AF_INET, SOCK_DGRAM, 0);
	must(fd, "container_socket");
	must(ioctl(fd, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
	request.ifr_flags |= IFF_UP;
	must(ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
	close(fd);
}

static int wait_for_init(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		fail("waitpid");
	if (WIFSIGNALED(status))
		printf("init was killed by signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	int container, running[2], status = 0;
	bool kills = argc > 1 && !strcmp(argv[1], "-k");
	char nothing;
	pid_t pid;

	argv += 1 + kills;
	if (argc < 2 + kills) {
		fprintf(stderr, "Format: test-container [-k] <root-dev> [<program> <arg>...]\n");
		return 2;
	}

	container = container_create("foo-test",
				     CONTAINER_NEW_EMPTY_FS_NS | CONTAINER_NEW_UTS_NS |
					     CONTAINER_NEW_IPC_NS | CONTAINER_NEW_PID_NS |
					     CONTAINER_NEW_NET_NS | CONTAINER_KILL_ON_CLOSE |
					     CONTAINER_FD_CLOEXEC);
	must(container, "container_create");
	mount_root(container, argv[0]);
	configure_network(container);

	/* the end of this one says that init's program runs */
	must(pipe2(running, O_CLOEXEC), "pipe2");
	fflush(stdout);
	pid = fork_into_container(container);
	switch (pid) {
	case -1:
		fail("fork_into_container");
	case 0:
		container_init(argv + 1);
	default:
		close(running[1]);
		if (read(running[0], &nothing, 1) < 0)
			fail("read");
		if (!kills)
			status = wait_for_init(pid);
	}
	must(close(container), "close");
	if (kills)
		status = wait_for_init(pid) != 1;
	return status;
}
