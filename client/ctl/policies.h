/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs share that read policies themselves. */
#ifndef UPCALLCTL_POLICIES_H
#define UPCALLCTL_POLICIES_H

#include <stdio.h>

/* The value of --config-dir, for strv_free(). Negative: no memory. */
int policies_add_directory(char ***directories, const char *directory);

/* FILE:LINE: reason; FILE: reason where the line is 0. What is not printable is escaped. */
void policies_print_error(FILE *out, const char *file, unsigned int line, const char *reason);

#endif
