// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capabilities.h"
#include "carrier.h"
#include "cleanup.h"

#define BUFFER_SIZE 16384

/* The only fds that it has; not even /dev/null, whose mode could be changed by who takes it. */
enum {
	CARRIER_PIPE = 0,
	CARRIER_SOCKET,
	CARRIER_FDS,
};

/* --------------------------------------------------------------- the child's */

static int keep_only(int pipe, int socket)
{
	if (dup3(pipe, CARRIER_PIPE, O_CLOEXEC) < 0 || dup3(socket, CARRIER_SOCKET, O_CLOEXEC) < 0)
		return -errno;
	return close_range(CARRIER_FDS, UINT_MAX, 0) < 0 ? -errno : 0;
}

/*
 * Not dumpable: without capabilities, whoever has our uid could trace it, and not
 * only who has CAP_SYS_PTRACE.
 */
static int drop_all(void)
{
	if (setsid() < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return capabilities_drop();
}

static int send_all(const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(CARRIER_SOCKET, bytes, size, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return -errno;
		if (sent > 0) {
			bytes += sent;
			size -= (size_t)sent;
		}
	}
	return 0;
}

/* To the end, or until nobody reads any more. */
static int carry(void)
{
	char bytes[BUFFER_SIZE];
	ssize_t size;
	int ret = 0;

	do {
		size = read(CARRIER_PIPE, bytes, sizeof(bytes));
		if (size > 0)
			ret = send_all(bytes, (size_t)size);
		else if (size < 0 && errno != EINTR)
			ret = -errno;
	} while (size != 0 && ret == 0);
	/* the latter where it had something that it has not read */
	return ret == -EPIPE || ret == -ECONNRESET ? 0 : ret;
}

/*
 * Its exit status is an errno, or 0.
 *
 * RACE: if upcallctl has ended before PDEATHSIG is set, the pipe has no writer.
 *
 * ORDER: nothing is sent before there is nothing left to take.
 */
static _Noreturn void carrier_main(int pipe, int socket)
{
	int ret = prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;

	if (ret == 0)
		ret = keep_only(pipe, socket);
	if (ret == 0)
		ret = drop_all();
	if (ret == 0)
		ret = carry();
	_exit(-ret);
}

/* ---------------------------------------------------------------------- ours */

int carrier_start(struct carrier *carrier, int socket)
{
	cleanup_fd int reading = -1;
	int ends[2];

	*carrier = CARRIER_NULL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reading = ends[0];
	carrier->pipe = ends[1];
	/* a flag of this end only, which is nobody else's */
	if (fcntl(carrier->pipe, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	carrier->pid = fork();
	if (carrier->pid < 0)
		return -errno;
	if (carrier->pid == 0)
		carrier_main(reading, socket);
	carrier->pidfd = pidfd_open(carrier->pid, 0);
	return carrier->pidfd < 0 ? -errno : 0;
}

/* That it has ended is no reason for us to end, as it would be of our output's reader. */
ssize_t carrier_give(const struct carrier *carrier, const char *bytes, size_t size)
{
	const struct timespec now = { 0 };
	sigset_t pipe, before;
	ssize_t given;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &pipe, &before) < 0)
		return -errno;
	given = write(carrier->pipe, bytes, size);
	if (given < 0)
		given = -errno;
	if (given == -EPIPE)
		(void)sigtimedwait(&pipe, NULL, &now);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return given;
}

void carrier_close(struct carrier *carrier, int error)
{
	carrier->pipe = close_keep_errno(carrier->pipe);
	if (carrier->error == 0)
		carrier->error = error;
}

static int status_error(int status)
{
	return WIFSIGNALED(status) ? -EPIPE : -WEXITSTATUS(status);
}

int carrier_end(struct carrier *carrier)
{
	int error = carrier->error, status = 0;

	/* ORDER: its own end first, as ours is no failure */
	if (carrier->pid > 0 && waitpid(carrier->pid, &status, WNOHANG) == 0) {
		(void)kill(carrier->pid, SIGKILL);
		while (waitpid(carrier->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	carrier_close(carrier, 0);
	close_keep_errno(carrier->pidfd);
	*carrier = CARRIER_NULL;
	return error < 0 ? error : status_error(status);
}
