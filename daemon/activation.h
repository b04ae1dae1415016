/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the daemon's three fds come from: PID 1, or ourselves
 *
 * Units may name fds as they like, so each is recognised by what it is. Only
 * the control socket has to be there: without the module there are no others,
 * and the daemon says so to whoever asks.
 */
#ifndef UPCALLD_ACTIVATION_H
#define UPCALLD_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#define ACTIVATION_ERROR_SIZE 256

struct activation {
	int control;	/* listening; -1: none */
	int netlink;	/* bound; -1: none */
	int device;	/* -1: none */
	char *path;	/* of the control socket, where it is ours to remove; or NULL */
	bool no_module; /* the device is not there, so nothing is in the kernel either */
	/* What is missing and what to do about it; "": nothing. */
	char shim_error[ACTIVATION_ERROR_SIZE];
};

#define ACTIVATION_NULL ((struct activation){ .control = -1, .netlink = -1, .device = -1 })

/* From PID 1. -ENOTCONN: it passed no control socket. The environment is cleaned. */
int activation_receive(struct activation *activation);
/* On our own. -EADDRINUSE: another daemon answers there. */
int activation_open(struct activation *activation, const char *control_path);
void activation_close(struct activation *activation);

#endif
