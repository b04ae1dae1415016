/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the hook has to say: a line for the system's log, and one on standard error,
 * which few runtimes show. And the time that it has for all.
 */
#ifndef UPCALL_OCI_REPORT_H
#define UPCALL_OCI_REPORT_H

#define report_format(at) __attribute__((format(printf, at, (at) + 1)))

report_format(1) void report(const char *format, ...);

/*
 * After so many milliseconds the process ends, whatever it waits for, with the status and
 * the line that limit_says() was told last. At the alarm of that number, of which there is
 * one in each such part of the time.
 */
int limit_start(unsigned int milliseconds, int alarms);
/* It has no end any more: a timer outlives execve(2). */
void limit_stop(void);
report_format(2) void limit_says(int status, const char *format, ...);

#endif
