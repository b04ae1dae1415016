/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairs of connected sockets of which a container gets one end. */
#ifndef UPCALL_PAIRS_H
#define UPCALL_PAIRS_H

#include <stddef.h>

/*
 * Stream sockets, close-on-exec, as `count` pairs of fds that are the caller's. Made by
 * a process that ends at once: newer kernels give whoever has a socket a pidfd of the
 * process that made its other end (SO_PEERPIDFD), and with power enough to trace, that
 * is a way from the container to all that the process has. Negative errno: there is none.
 */
int pairs_make(int (*pairs)[2], size_t count);

void pairs_close(int (*pairs)[2], size_t count);

#endif
