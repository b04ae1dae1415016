/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine can stand while its clocks go on, as under a hypervisor whose own machine
 * sleeps; whose time is over then has not had it. So who keeps deadlines looks at them
 * that often at least, and who looks so much later than that has stood, too: what has
 * passed since the look before counts for no deadline. The kernel half does the same
 * (kernel-shim/times.c).
 */
#ifndef UPCALL_STOOD_H
#define UPCALL_STOOD_H

#include <stdbool.h>
#include <stdint.h>

#define STOOD_LOOK_MS 5000
#define STOOD_LATE_MS 5000

/* Any monotonic clock's: when was to be looked, and when it is. */
static inline bool has_stood(int64_t look_ms, int64_t now_ms)
{
	return now_ms - look_ms >= STOOD_LATE_MS;
}

#endif
