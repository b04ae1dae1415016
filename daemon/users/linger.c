// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Receiving from users, and closing what is theirs, in bounded time
 *
 * Fds that lie in a socket are dropped by whoever receives without room for them, or closes
 * it. If one is the last of a socket with SO_LINGER, the kernel waits there for the other
 * side, but not with a signal pending. So one comes, and again, for as long as it takes.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "users.h"

#define LONGEST_US 20000

static void nothing(int signal)
{
}

int linger_init(void)
{
	const struct sigaction action = { .sa_handler = nothing };

	return sigaction(SIGALRM, &action, NULL) < 0 ? -errno : 0;
}

static void set_alarm(suseconds_t us)
{
	const struct itimerval timer = { .it_interval = { .tv_usec = us },
					 .it_value = { .tv_usec = us } };

	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* -EPERM: fds were among it. */
ssize_t linger_receive(int fd, void *bytes, size_t size)
{
	struct iovec iov = { bytes, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t count;

	set_alarm(LONGEST_US);
	count = recvmsg(fd, &message, MSG_DONTWAIT);
	if (count < 0)
		count = -errno;
	else if (message.msg_flags & MSG_CTRUNC)
		count = -EPERM;
	set_alarm(0);
	return count;
}

void linger_close(int fd)
{
	set_alarm(LONGEST_US);
	(void)close(fd);
	set_alarm(0);
}
