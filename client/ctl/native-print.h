/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event of monitor --native on stdout. Text of the requester's choosing is
 * escaped: it must not reach a terminal as it is.
 */
#ifndef UPCALLCTL_NATIVE_PRINT_H
#define UPCALLCTL_NATIVE_PRINT_H

#include "native.h"
#include "tags.h"

struct native_event {
	uint64_t at; /* microseconds since the epoch */
	struct tags tags;
	char container[UPCALL_NAME_LEN]; /* "" for none */
};

void native_print_heading(const struct native_options *options);
void native_print(const struct native_options *options, const struct native_event *event);
/* count 0: it is not known yet how many. */
void native_print_lost(const struct native_options *options, uint64_t at, uint32_t count);

#endif
