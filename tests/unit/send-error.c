// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "send-error.h"

int send_error;
unsigned int sends;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	sends++;
	if (send_error) {
		errno = send_error;
		return -1;
	}
	return syscall(SYS_sendmsg, fd, message, flags);
}
