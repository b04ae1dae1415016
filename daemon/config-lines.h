/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines, sections and settings of a configuration file, whatever they mean
 *
 * The grammar of config.h, for all of our files: who reads one says what becomes
 * of a section's title and of a setting.
 */
#ifndef UPCALLD_CONFIG_LINES_H
#define UPCALLD_CONFIG_LINES_H

#include <errno.h>

#include "config.h"

struct lines {
	const char *file;
	unsigned int line;
	char *error;			  /* CONFIG_ERROR_SIZE */
	struct config_observer *observer; /* or NULL */

	/* A title that is not yet in the file; it may be refused by lines_fail(). */
	int (*section)(struct lines *lines, const char *title);
	/* NAME=VALUE in a section that was not refused. */
	int (*setting)(struct lines *lines, const char *name, const char *value);
	/* A line was refused, or there is no memory. May be NULL. */
	void (*failed)(struct lines *lines, bool first);

	/* ours */
	bool inside;  /* a section has begun */
	bool refused; /* its title was: what is in it means nothing */
	char **seen;  /* titles */
};

/* The first error, -EINVAL or -ENOMEM; with an observer, -EINVAL is not the end. */
int lines_parse(struct lines *lines, const char *text, size_t size);

/* Writes FILE:LINE: reason, tells the observer; returns -EINVAL. */
int lines_fail(const struct lines *lines, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* NAME=yes or NAME=no. */
int lines_yes(const struct lines *lines, const char *name, const char *value, bool *ret);
int lines_number(const struct lines *lines, const char *name, const char *value, unsigned int min,
		 unsigned int max, unsigned int *ret);

/* An error that is told is not the end: there may be more. */
static inline bool config_is_end(const struct config_observer *observer, int ret)
{
	return ret < 0 && !(ret == -EINVAL && observer);
}

#endif
