/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes first when several things are ready at once.
 */
#ifndef UPCALLD_PRIORITY_H
#define UPCALLD_PRIORITY_H

enum priority {
	PRIORITY_DEVICE = -2,  /* the backstop: after the events it repeats */
	PRIORITY_CONTROL = -1, /* administrators wait for milliseconds, requesters for us */
	PRIORITY_DEFAULT = 0,
	PRIORITY_WORKER = 1, /* results make room for what waits */
	PRIORITY_EVENTS = 2, /* somebody sleeps in the kernel */
};

#endif
