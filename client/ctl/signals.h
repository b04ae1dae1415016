/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What we do with signals is ours: a program that we become gets them as we have got them. */
#ifndef UPCALLCTL_SIGNALS_H
#define UPCALLCTL_SIGNALS_H

/*
 * At the start. From there on SIGCHLD is not ignored, as whoever has started us may have left it:
 * the end of a child would be lost, and its pid soon another's.
 */
void signals_take(void);
/* As they were before: for a child that executes what somebody has named. */
void signals_restore(void);

#endif
