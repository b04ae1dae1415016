/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What time differences are measured with. ev_now() is the time of day: whoever
 * sets it would stretch what waits and turn durations negative.
 */
#ifndef UPCALLD_CLOCK_H
#define UPCALLD_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Seconds since boot. It stands while the machine is suspended, as the deadlines of upcalls do. */
static inline double clock_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Never negative. */
static inline double clock_since(double then)
{
	double now = clock_now();

	return now > then ? now - then : 0.;
}

/* What people are shown: microseconds since the epoch. */
static inline uint64_t clock_of_day_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

#endif
