/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the hook has to say: a line on standard error, which few runtimes show, and
 * one for the system's log. And the time that it has for all.
 */
#ifndef UPCALL_OCI_REPORT_H
#define UPCALL_OCI_REPORT_H

#define report_format(at) __attribute__((format(printf, at, (at) + 1)))

report_format(1) void report(const char *format, ...);

/*
 * After so many milliseconds the process ends with that status, whatever it waits for,
 * and says what limit_says() was told last.
 */
int limit_start(unsigned int milliseconds, int status);
report_format(1) void limit_says(const char *format, ...);

#endif
