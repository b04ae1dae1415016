/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What we do with signals is ours: a program that we become gets them as we have got them. */
#ifndef UPCALLCTL_SIGNALS_H
#define UPCALLCTL_SIGNALS_H

/* How they are at the start, before anything is changed. */
void signals_keep(void);
/* As they were then: for a child that executes what somebody has named. */
void signals_restore(void);

#endif
