/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Safe after fork() in a program with threads. */
#ifndef UPCALL_CLIENT_PIDFD_H
#define UPCALL_CLIENT_PIDFD_H

#include <sys/types.h>

/*
 * The pid behind a pidfd of ours, as our pid namespace has it: -ESRCH where that does not, or the
 * process has been waited for. fdinfo: its directory in /proc/self, as from dir.
 */
pid_t pidfd_to_pid(int dir, const char *fdinfo, int pidfd);

#endif
