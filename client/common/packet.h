/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets with fds, on a SOCK_SEQPACKET socket. Safe after fork() in a program with threads. */
#ifndef UPCALL_CLIENT_PACKET_H
#define UPCALL_CLIENT_PACKET_H

#include <stddef.h>
#include <sys/types.h>

/* Waits where the socket is full. Negative errno, -EPIPE where nobody is at the other end. */
int packet_send(int socket, const void *data, size_t size, const int *fds, size_t count);
/* The same, but -EAGAIN where the socket is full. */
int packet_send_now(int socket, const void *data, size_t size, const int *fds, size_t count);

/*
 * A packet of exactly that size, with at most *count fds, which are close-on-exec and
 * the caller's. -ENOTCONN: the other end is closed. -EBADMSG: it was another packet.
 * -EMFILE: it was that one, and the data is there, but there was no room for its fds.
 */
int packet_receive(int socket, void *data, size_t size, int *fds, size_t *count);

struct packet {
	void *data;
	size_t size;
	int *fds;
	size_t count; /* room for so many; then how many there are */
	pid_t sender; /* as the kernel says it, where the socket has SO_PASSCRED; 0: not seen */
};

/* The same, of what is there already. -EAGAIN: nothing is. */
int packet_receive_now(int socket, struct packet *packet);

/* Closes those that are none of -1. errno stays. */
void packet_close_fds(int *fds, size_t count);

#endif
