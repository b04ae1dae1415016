/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fd table of a child: what it needs, far up; the rest closed.
 *
 * A directory of the host that stays open is a way out (CVE-2024-21626), so the
 * list says what is kept and never what is closed.
 */
#ifndef UPCALL_WORKER_FDS_H
#define UPCALL_WORKER_FDS_H

#include <stddef.h>

/* ATTACH replaces 0 and 3 behind our back. */
#define FDS_FIRST_CONTROL 100

/* Move each kept fd (-1: none) to 100 or above, close-on-exec. */
int fds_lift(int *const *kept, size_t count);
/* Close all from `first` on but the kept ones. */
int fds_close_others(int first, int *const *kept, size_t count);

#endif
