/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all fuzzers share: the entry point, and how a broken promise is said
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer keeps the input of a process that aborts. */
static inline _Noreturn void property_broken(const char *what, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

#define property(condition) \
	((condition) ? (void)0 : property_broken(#condition, __FILE__, __LINE__))

/* A copy of exactly that size, so that sanitizers see a byte too far; never NULL. */
static inline void *fuzz_copy(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	property(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

/* The same as text, with a NUL at its end. */
static inline char *fuzz_text(const void *data, size_t size)
{
	char *text = malloc(size + 1);

	property(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif
