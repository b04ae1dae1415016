/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon does to itself before anything else.
 */
#ifndef UPCALLD_HARDENING_H
#define UPCALLD_HARDENING_H

#include <stddef.h>

/* On failure `error` says why the daemon must not run. */
int hardening_apply(char *error, size_t room);

#endif
