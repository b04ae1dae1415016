/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who puts our input into a socket of the container's, so that it is not us
 *
 * ATTACK: newer kernels give the reader of a socket a pidfd of whoever sent, if he
 * asks for it (SO_PASSPIDFD), and CAP_SYS_PTRACE is enough to take its fds. So bytes
 * are sent by a child that has nothing: no fd but the reading end of a pipe and that
 * socket, no terminal, no capability.
 */
#ifndef UPCALLCTL_CARRIER_H
#define UPCALLCTL_CARRIER_H

#include <stddef.h>
#include <sys/types.h>

struct carrier {
	pid_t pid;
	int pidfd; /* readable once it has ended: all is sent, or never will be */
	int pipe;  /* what is to be sent; not blocking; -1: that was all */
	int error; /* negative errno: that was not all */
};

#define CARRIER_NULL ((struct carrier){ .pid = 0, .pidfd = -1, .pipe = -1 })

/*
 * Fds 0 to 2 have to be open, whatever they are, and SIGCHLD not ignored. The socket is not
 * consumed.
 */
int carrier_start(struct carrier *carrier, int socket);
/* How much it took. -EAGAIN: nothing, for now; -EPIPE: it takes no more. */
ssize_t carrier_give(const struct carrier *carrier, const char *bytes, size_t size);
/* It goes on until it has sent what it has. Error: why that was not all, negative; 0: it was. */
void carrier_close(struct carrier *carrier, int error);
/*
 * It is killed, if it has not ended, and nothing of it is left. Negative errno: somebody would
 * have read on, and that was not all. That nobody does is no failure.
 */
int carrier_end(struct carrier *carrier);

#endif
