/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory in memory, where fuzzers put files. */
#ifndef TEST_FUZZ_DIRECTORY_H
#define TEST_FUZZ_DIRECTORY_H

#include <stddef.h>

/* One a process; removed when it ends. */
const char *directory_path(void);
/* Made with its parents; replaced if it is there. -1: no such name can be. */
int directory_write(const char *name, const void *data, size_t size);
/* The same, but -1 if it is there already, under this name or another ("a//b"). */
int directory_add(const char *name, const void *data, size_t size);
/* Everything in it. */
void directory_clear(void);

#endif
