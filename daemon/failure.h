/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why something that an administrator asked for could not be done: a sentence
 * that names the thing, the reason and the place, and the D-Bus name of its kind.
 * What it quotes of others need be no UTF-8: it is shown as \xNN.
 */
#ifndef UPCALLD_FAILURE_H
#define UPCALLD_FAILURE_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

struct failure {
	const char *name; /* "NameTaken", …: org.upcalld.Error.NAME; NULL: none */
	char text[512];
};

#define FAILURE_NULL ((struct failure){ 0 })

/* Returns `error`, so that it can be returned in one statement. */
static inline int __attribute__((format(printf, 4, 5)))
failure_set(struct failure *failure, int error, const char *name, const char *format, ...)
{
	/* longer than what it becomes, so that it is there that it is cut, with a mark */
	char text[sizeof(failure->text) + 1];
	va_list args;

	failure->name = name;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_show(text, strlen(text), failure->text, sizeof(failure->text));
	return error;
}

#endif
