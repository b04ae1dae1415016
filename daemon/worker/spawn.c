// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Forking
 *
 * A plain fork, though vfork() would be quicker. From its setns() on, a child can
 * be signalled by the container's root: stopped, one that shares our memory would
 * hold us until its exec, with every other upcall of the container and with what
 * is to kill it. A container's memory.oom.group would kill us with it. And what
 * keeps the container from a child's memory is one flag, which the kernel sets
 * anew with credentials: that is not to be all that keeps it from the worker's.
 *
 * The cgroup is joined by clone3() itself, so there is no instruction of the
 * child's that is charged to the host. The raw system call is fine for a process
 * of one thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "spawn.h"

#define OOM_SCORE_HANDLER "1000"

/* Ours, of those that spawn() enters. */
static struct {
	int type;
	const char *path;
	int fd;
} own_namespaces[] = {
	{ CLONE_NEWPID, "/proc/self/ns/pid", -1 },
	{ CLONE_NEWNS, "/proc/self/ns/mnt", -1 },
	{ CLONE_NEWNET, "/proc/self/ns/net", -1 },
};

#define OWN_NAMESPACES (sizeof(own_namespaces) / sizeof(own_namespaces[0]))

static int oom_score_fd = -1;
static char own_oom_score[8];

int spawn_init(void)
{
	ssize_t size;

	for (size_t i = 0; i < OWN_NAMESPACES; i++) {
		own_namespaces[i].fd = open(own_namespaces[i].path, O_RDONLY | O_CLOEXEC);
		if (own_namespaces[i].fd < 0)
			return -errno;
	}
	oom_score_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (oom_score_fd < 0)
		return -errno;
	size = read(oom_score_fd, own_oom_score, sizeof(own_oom_score) - 1);
	return size > 0 ? 0 : -EIO;
}

/* A child inherits it; it need not find its own file first. */
static int oom_score_set(const char *score)
{
	size_t size = strlen(score);

	return pwrite(oom_score_fd, score, size, 0) == (ssize_t)size ? 0 : -errno;
}

static long fork_into(int leaf_fd, int *pidfd)
{
	struct clone_args arguments = {
		.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};

	if (leaf_fd >= 0) {
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = (uint64_t)leaf_fd;
	}
	return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

/*
 * Children are born there until it is undone, and paths are the container's. Not
 * undoing it would put the next upcall's host-side process into a container.
 */
static void namespaces_leave(int namespaces)
{
	for (size_t i = 0; i < OWN_NAMESPACES; i++)
		if (namespaces & own_namespaces[i].type &&
		    setns(own_namespaces[i].fd, own_namespaces[i].type) < 0)
			abort();
}

int spawn(int leaf_fd, const struct birthplace *place, struct process *ret)
{
	int pidfd = -1, error;
	long pid;

	if (place->namespaces && setns(place->pidfd, place->namespaces) < 0)
		return -errno;
	pid = fork_into(leaf_fd, &pidfd);
	if (pid == 0)
		return 1;
	error = pid < 0 ? -errno : 0;
	namespaces_leave(place->namespaces);
	if (error < 0)
		return error;
	*ret = (struct process){ .pid = (pid_t)pid, .pidfd = pidfd };
	return 0;
}

/*
 * The score is the worker's own for that long, which at worst makes it the one
 * that is killed when the machine has no memory left just then.
 */
int spawn_handler(int leaf_fd, const struct birthplace *place, struct process *ret)
{
	int spawned, restored;

	if (oom_score_set(OOM_SCORE_HANDLER) < 0)
		return -errno;
	spawned = spawn(leaf_fd, place, ret);
	if (spawned > 0)
		return spawned;
	restored = oom_score_set(own_oom_score);
	/* the child first: until its exec, each page that we write to is one to be copied */
	if (spawned == 0)
		(void)sched_yield();
	if (spawned < 0 || restored == 0)
		return spawned;
	process_kill(ret);
	close_keep_errno(ret->pidfd);
	return restored;
}

int spawn_sibling(pid_t *ret)
{
	/* not clone3(): a filter can look at arguments, not at what they point to */
	long pid = syscall(SYS_clone, CLONE_PARENT, NULL, NULL, NULL, NULL);

	if (pid == 0)
		return 1;
	if (pid < 0)
		return -errno;
	*ret = (pid_t)pid;
	return 0;
}

int process_adopt(pid_t pid, struct process *ret)
{
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	siginfo_t info;

	if (pidfd < 0)
		return -errno;
	/* only looks, and fails where it is no child of ours */
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return -errno;
	*ret = (struct process){ .pid = pid, .pidfd = take_fd(&pidfd) };
	return 0;
}

void process_kill(const struct process *process)
{
	if (process->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
}
