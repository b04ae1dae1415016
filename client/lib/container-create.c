// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Starts a container's keeper, which makes the container around itself.
 *
 * It is nobody's child that the program knows of: the intermediate process has no exit signal
 * and is waited for here. What runs between clone and exec is system calls only, since the
 * program may have threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper-ask.h"
#include "libupcall-container.h"
#include "owned.h"
#include "packet.h"
#include "pidfd.h"

/* The kernel takes no more than 340 lines, and no more than a page. */
#define MAP_SIZE 4096

/* ---------------------------------------------------------------- the keeper */

static long clone_plain(int *pidfd)
{
	struct clone_args args = { 0 };

	if (pidfd) {
		args.flags = CLONE_PIDFD;
		args.pidfd = (uintptr_t)pidfd;
	}
	return syscall(SYS_clone3, &args, sizeof(args));
}

/* Becomes it. ORDER: both are above 1 already, or one would be written over the other. */
static _Noreturn void keeper_become(const char *name, int socket, int conversation)
{
	/* the second one is for who looks at the list of processes */
	char *const argv[] = { (char *)"upcall-keeper", (char *)name, NULL };
	static char *const envp[] = { NULL };
	struct keeper_answer answer = { 0 };

	if (dup2(socket, 0) >= 0 && dup2(conversation, 1) >= 0 && close_range(2, UINT_MAX, 0) >= 0)
		execve(UPCALL_KEEPER, argv, envp);
	answer.error = errno == ENOENT ? -ENOPKG : -errno;
	(void)packet_send(1, &answer, sizeof(answer), NULL, 0);
	_exit(1);
}

static int wait_for(int pidfd)
{
	siginfo_t info;

	while (waitid(P_PIDFD, pidfd, &info, WEXITED | __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return info.si_code == CLD_EXITED && !info.si_status ? 0 : -EAGAIN;
}

static int start_blocked(const char *name, int socket, int conversation)
{
	owned_fd int pidfd = -1;
	long pid;

	pid = clone_plain(&pidfd);
	if (pid < 0)
		return -errno;
	if (!pid) {
		pid = clone_plain(NULL);
		if (!pid)
			keeper_become(name, socket, conversation);
		_exit(pid < 0 ? 1 : 0);
	}
	return wait_for(pidfd);
}

/* No handler of the program's runs in what is not the program. */
static int keeper_start(const char *name, int socket, int conversation)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = start_blocked(name, socket, conversation);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* --------------------------------------------------------------- maps of ids */

static int map_format(const struct upcall_id_range *ranges, char *text)
{
	size_t used = 0;
	int n;

	for (; ranges->count; ranges++) {
		n = snprintf(text + used, MAP_SIZE - used, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
			     ranges->inside, ranges->outside, ranges->count);
		if (n < 0 || (size_t)n >= MAP_SIZE - used)
			return -EINVAL;
		used += (size_t)n;
	}
	return used ? 0 : -EINVAL;
}

static int map_write(int process, const char *file, const struct upcall_id_range *ranges)
{
	owned_fd int fd = -1;
	char text[MAP_SIZE];
	int r;

	r = map_format(ranges, text);
	if (r < 0)
		return r;
	fd = openat(process, file, O_WRONLY | O_CLOEXEC);
	/* in one write: the kernel takes no second */
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

/* Its directory in /proc. RACE: the pid may be another's, unless it lives after the open. */
static int process_open(int pidfd)
{
	owned_fd int dir = -1;
	char path[64];
	int pid;

	pid = pidfd_to_pid(AT_FDCWD, "/proc/self/fdinfo", pidfd);
	if (pid < 0)
		return pid;
	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || pidfd_send_signal(pidfd, 0, NULL, 0) < 0)
		return -errno;
	return owned_fd_give(&dir);
}

static int maps_write(int conversation, const struct upcall_container_options *options)
{
	const struct keeper_request written = { KEEPER_PROTOCOL, KEEPER_CREATE };
	owned_reply struct keeper_reply reply = { 0 };
	owned_fd int process = -1;
	int r;

	r = keeper_ask_next(conversation, &reply);
	if (r < 0)
		return r;
	process = reply.count ? process_open(reply.fds[0]) : -EBADMSG;
	if (process < 0)
		return process;
	r = map_write(process, "gid_map", options->gids);
	if (r >= 0)
		r = map_write(process, "uid_map", options->uids);
	if (r >= 0)
		r = packet_send(conversation, &written, sizeof(written), NULL, 0);
	return r;
}

/* -------------------------------------------------------------------- create */

static bool is_name(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";

	return name && *name && strchr(first, *name) && strspn(name, others) == strlen(name) &&
	       strlen(name) <= 63;
}

static int check(const char *name, unsigned int flags,
		 const struct upcall_container_options *options)
{
	static const struct upcall_container_options none;

	if (!is_name(name) || flags & ~(unsigned int)UPCALL_CONTAINER_ALL_FLAGS)
		return -EINVAL;
	/* root inside would be root */
	if (flags & UPCALL_CONTAINER_NEW_USER_NS && !geteuid() && !(options && options->uids))
		return -EINVAL;
	if (!options)
		return 0;
	if (memcmp(options->reserved, none.reserved, sizeof(none.reserved)) ||
	    !options->uids != !options->gids)
		return -EINVAL;
	return 0;
}

/* Two sockets above 1, whatever the program has closed. */
static int ends_open(int ends[2])
{
	int given[2], r;

	r = conversation_open(given);
	if (r < 0)
		return r;
	for (int i = 0; i < 2; i++) {
		ends[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 3);
		if (ends[i] < 0)
			r = -errno;
	}
	packet_close_fds(given, 2);
	if (r < 0)
		packet_close_fds(ends, 2);
	return r;
}

/* mine and its: of the container's socket. The request lies there before who reads it does. */
static int create(const struct keeper_request *request,
		  const struct upcall_container_options *options, int its)
{
	owned_reply struct keeper_reply reply = { 0 };
	owned_fd int conversation = -1;
	owned_fd int other = -1;
	int ends[2], r;

	r = ends_open(ends);
	if (r < 0)
		return r;
	conversation = ends[0];
	other = ends[1];
	r = packet_send(conversation, request, sizeof(*request), NULL, 0);
	if (r >= 0)
		r = keeper_start(request->text, its, other);
	owned_fd_close(&other);
	if (r >= 0 && request->numbers[1])
		r = maps_write(conversation, options);
	return r < 0 ? r : keeper_ask_next(conversation, &reply);
}

UPCALL_EXPORT int upcall_container_create(const char *name, unsigned int flags,
					  const struct upcall_container_options *options)
{
	struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_CREATE };
	owned_fd int mine = -1;
	owned_fd int its = -1;
	int ends[2], r;

	r = check(name, flags, options);
	if (r < 0)
		return r;
	strncpy(request.text, name, sizeof(request.text) - 1);
	request.numbers[0] = flags;
	request.numbers[1] = options && options->uids;
	r = ends_open(ends);
	if (r < 0)
		return r;
	mine = ends[0];
	its = ends[1];
	r = create(&request, options, its);
	if (r < 0)
		return r;
	if (!(flags & UPCALL_CONTAINER_FD_CLOEXEC) && fcntl(mine, F_SETFD, 0) < 0)
		return -errno;
	return owned_fd_give(&mine);
}
