/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Upcalls that upcalld has no part in, straight from the kernel
 *
 * Not through upcalld: it would have to stay for them, and a flood of upcalls that
 * are none of its business would be its load. The kernel sends without waiting, and
 * what is not read in time is lost by this monitor alone.
 */
#ifndef UPCALLCTL_NATIVE_H
#define UPCALLCTL_NATIVE_H

#include <stdbool.h>

#include "verb.h"

struct native_options {
	bool json;
	bool namespaces;
};

/* Until the output cannot be written any more; an exit status. */
int native_monitor(const struct verb *verb, const struct native_options *options);

#endif
