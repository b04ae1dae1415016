// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "no-watches.h"

bool no_watches;
unsigned int no_watches_count;

int __attribute__((visibility("default")))
epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	if (no_watches && operation == EPOLL_CTL_ADD) {
		no_watches_count++;
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
}
