/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small things with text: numbers, escapes, bounded copies, vectors.
 */
#ifndef UPCALLD_TEXT_H
#define UPCALLD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Decimal digits and nothing else, within the bounds. -EINVAL what is no such
 * number (empty, sign, blank, leading zero), -ERANGE out of bounds.
 */
int text_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/*
 * Bytes as printable ASCII: what is not, and the backslash, becomes \xNN. Cut
 * where `room` ends, never within an escape, and ends with "..." then (if room is
 * 16 or more); always NUL-terminated.
 */
void text_escape(const char *data, size_t size, char *out, size_t room);
/* As one word: blanks become \x20, too. */
void text_escape_word(const char *data, size_t size, char *out, size_t room);

/*
 * Text for D-Bus, which takes UTF-8 only: each byte that is part of no character, or of
 * one that a terminal obeys, becomes \xNN, all else stays. Cut as text_escape() does.
 */
void text_utf8(const char *text, char *out, size_t room);
/* For people: the same, but a backslash stays one. */
void text_show(const char *data, size_t size, char *out, size_t room);

/* printf()'s three arguments for "%.*s%s": at most `max` bytes of a text, and the mark of a cut. */
#define TEXT_SHORT(text, max) (int)(max), (text), strlen(text) > (max) ? "..." : ""

/* As many bytes as fit, and a NUL. */
void text_copy(char *out, size_t room, const char *data, size_t size);

/* True: printable ASCII without backslash, of 1 to max bytes. */
bool text_plain(const char *text, size_t max);

/* True: the ending is there, and something before it. */
bool text_ends_with(const char *text, const char *ending);

/* True: a container's name, [a-z0-9][a-z0-9_.-]{0,62}. */
bool text_is_name(const char *text);

/* NULL-terminated vectors of owned strings. */
int strv_append(char ***strv, const char *text, size_t size);
char **strv_free(char **strv);
size_t strv_count(char *const *strv);
int strv_copy(char *const *strv, char ***ret);

#endif
