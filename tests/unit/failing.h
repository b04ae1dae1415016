/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that fail: for memory, for descriptors, for whatever the kernel refuses
 *
 * Linked with the options of failing.cmake, each call that our code makes of a
 * function there is counted while armed, and the one that was named fails. What
 * libraries call among themselves is not.
 */
#ifndef TEST_FAILING_H
#define TEST_FAILING_H

#include <stdbool.h>

/* From now on: the number-th armed call fails (1 is the next; 0: none does), and `more` that follow
 * it. */
void failing_set(unsigned long number, unsigned long more);
void failing_arm(bool on);
/* Armed calls since failing_set(). */
unsigned long failing_count(void);
/* Name of the function that failed first, or "none". */
const char *failing_name(void);

#endif
