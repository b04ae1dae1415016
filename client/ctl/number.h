/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that people type. */
#ifndef UPCALLCTL_NUMBER_H
#define UPCALLCTL_NUMBER_H

#include <stdint.h>

/*
 * Decimal digits and nothing else: no sign, space, leading zero or prefix.
 * -EINVAL if it is no such number, -ERANGE if it is outside min..max.
 */
int parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret);
/* The same of an upcall's id, which is at least 1. */
int parse_id(const char *text, uint64_t *ret);

#endif
