/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another program prints. */
#ifndef UPCALLCTL_CAPTURE_H
#define UPCALLCTL_CAPTURE_H

#include <stddef.h>

/*
 * Runs argv[0], looked up in PATH, in the C locale; `out` gets what it printed,
 * cut where the room ends. Its exit status; negative errno: it could not be run,
 * or was killed.
 */
int capture(const char *const argv[], char *out, size_t room);

#endif
