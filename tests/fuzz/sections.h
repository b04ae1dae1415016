/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One input that stands for several files: a line "@NAME" begins the file NAME
 *
 * fake_files_arm() makes them what open(2), openat(2) and fopen(3) find, by the end of
 * the path; for fuzzers that wrap these functions.
 */
#ifndef TEST_FUZZ_SECTIONS_H
#define TEST_FUZZ_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECTIONS_MAX	  16
#define SECTION_NAME_SIZE 64

struct section {
	char name[SECTION_NAME_SIZE];
	const char *data;
	size_t size;
};

struct sections {
	struct section entries[SECTIONS_MAX];
	size_t count;
};

/* What stands before the first line "@NAME" is the section "". */
void sections_split(const uint8_t *data, size_t size, struct sections *ret);
/* The first of that name, or NULL. */
const struct section *sections_find(const struct sections *sections, const char *name);

/*
 * Until fake_files_disarm(): a path that is NAME or ends with /NAME is that section,
 * a number at its end left out; directories are the real ones; nothing else exists.
 */
void fake_files_arm(const struct sections *sections);
void fake_files_disarm(void);
/* What is found for a path, or NULL. */
const struct section *fake_files_find(const char *path);
bool fake_files_armed(void);

#endif
