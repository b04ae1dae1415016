/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON on stdout. json_open() and json_close() pair; keys are NULL in an array
 * and for the outermost value.
 */
#ifndef UPCALLCTL_JSON_H
#define UPCALLCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* From now on: no newlines and no blanks but at the end of the outermost value. */
void json_one_line(void);
void json_open(const char *key, char bracket); /* '{' or '[' */
void json_close(char bracket);		       /* '}' or ']'; a newline after the outermost */
void json_string(const char *key, const char *value);
void json_number(const char *key, uint64_t value);
void json_bool(const char *key, bool value);
void json_strings(const char *key, const char *const *values);

#endif
