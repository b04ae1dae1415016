/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has been counted since boot
 *
 * The daemon ends when it is idle; its counters would say nothing if they ended
 * with it. They are written at a clean end, and cost nothing before.
 */
#ifndef UPCALLD_COUNTERS_H
#define UPCALLD_COUNTERS_H

#include <stdint.h>

struct counters {
	uint64_t served;
	uint64_t failed;
	uint64_t refused;
	uint64_t enobufs;
	uint64_t bad_sender;
};

/* All zero if there is no such file, or none that is whole. */
void counters_load(const char *folder, struct counters *ret);
int counters_save(const char *folder, const struct counters *counters);

#endif
