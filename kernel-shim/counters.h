/* SPDX-License-Identifier: GPL-2.0-only */
/* What has become of the upcalls: one number per class and result. */
#ifndef UPCALL_SHIM_COUNTERS_H
#define UPCALL_SHIM_COUNTERS_H

#include <linux/types.h>

#include "upcall.h"

/* In any context. */
void counters_add(enum upcall_class class, enum upcall_count count);

/* A sum over the processors: no snapshot, as others go on counting. */
u64 counters_read(enum upcall_class class, enum upcall_count count);

#endif
