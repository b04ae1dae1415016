/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon does to itself before anything else.
 */
#ifndef UPCALLD_HARDENING_H
#define UPCALLD_HARDENING_H

#include <stddef.h>

/* On failure `error` says why the daemon must not run. */
int hardening_apply(char *error, size_t room);

/* Why this host is none to run workers on, and what to do about it; NULL: it is fine. */
const char *hardening_refusal(void);
/* The sysctl that is looked at; for tests. */
extern const char *hardening_suid_dumpable;

#endif
