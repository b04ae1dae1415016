// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every failure is one line on stderr: program, verb, thing, reason. The exit
 * status says what kind it was.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "verb.h"

static int status_of(int error)
{
	switch (error < 0 ? -error : error) {
	case ENOENT:
	case ESRCH:
		return STATUS_NO_SUCH;
	case EPERM:
	case EACCES:
		return STATUS_DENIED;
	case ENOTCONN:
	case ECONNABORTED:
	case ETIMEDOUT:
		return STATUS_UNREACHABLE;
	case ENODEV:
		return STATUS_NO_MODULE;
	case EALREADY:
		return STATUS_ENDED;
	case EEXIST:
		return STATUS_TAKEN;
	case ENXIO:
		return STATUS_NO_CONTAINER;
	case ENOEXEC:
		return STATUS_KERNEL_THREAD;
	}
	return STATUS_FAILED;
}

int refuse_option(const struct verb *verb, int option, char **argv)
{
	const char *text = argv[optind - 1];

	if (option == ':')
		return usage_error(verb, "%s needs a value", text);
	return usage_error(verb, "%s: no such option, or it takes no value", text);
}

int usage_error(const struct verb *verb, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "upcallctl: %s: ", verb->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see 'upcallctl %s --help'\n", verb->name);
	return STATUS_USAGE;
}

int failed(const struct verb *verb, int error, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "upcallctl: %s ", verb->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(error < 0 ? -error : error));
	return status_of(error);
}

int library_failed(const struct verb *verb, const char *thing, struct upcall_connection *connection,
		   int error)
{
	fprintf(stderr, "upcallctl: %s%s%s: %s\n", verb->name, thing ? " " : "", thing ?: "",
		upcall_error(connection, error));
	upcall_close(connection);
	return status_of(error);
}
