/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "key: value" for people, and what is said of an upcall. */
#ifndef UPCALLCTL_DESCRIBE_H
#define UPCALLCTL_DESCRIBE_H

#include "libupcall.h"

/* The time of day, for events as they come, and a blank. */
void print_clock(uint64_t usec);
/* One line; nothing for an empty value. */
__attribute__((format(printf, 2, 3))) void describe(const char *key, const char *format, ...);
/* What a step of entering a container means, to be put behind its name; "" for most. */
const char *step_meaning(const char *step);
void describe_record(const struct upcall_record *record);
/* Members of an object that is open. */
void describe_record_json(const struct upcall_record *record);

#endif
