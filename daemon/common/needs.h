/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel must have that not every one has, or that a filter of whoever
 * starts us may take away. Found missing in the middle of an upcall, it would be
 * an errno like any other; so it is looked for before the first.
 */
#ifndef UPCALL_NEEDS_H
#define UPCALL_NEEDS_H

#include <stddef.h>

enum needs_who {
	NEEDS_DAEMON = 1,
	NEEDS_STANDALONE = 2, /* a daemon that starts workers itself */
	NEEDS_WORKER = 4,
};

/* 0, or -errno and in `text` what is missing and how it was refused. */
int needs_check(unsigned int who, char *text, size_t room);

#endif
