/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPCALLCTL_STDIO_FILL_H
#define UPCALLCTL_STDIO_FILL_H

/*
 * From here on fds 0 to 2 are open: one that is closed would become a pipe or a socket of ours, and
 * be taken for our input or output. A negative errno: it could not be done.
 */
int stdio_fill(void);

#endif
