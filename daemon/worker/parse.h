/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and lines of procfs files. Pure functions; -EBADMSG on anything unexpected. */
#ifndef UPCALL_WORKER_PARSE_H
#define UPCALL_WORKER_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LABEL_LEN 512

/* Digits and nothing else, no leading zero, at most max. */
int parse_number(const char *text, size_t size, uint64_t max, uint64_t *ret);

/* /proc/sys/kernel/usermodehelper/bset: two 32-bit words, the low one first */
int parse_bset(const char *text, uint64_t *ret);

/*
 * A label as in /proc/PID/attr, its mode " (enforce)" taken off. "": unconfined.
 * -EPERM: a stack of labels, or one of another policy namespace, which cannot
 * be taken by name.
 */
int parse_label(const char *text, char ret[static LABEL_LEN]);

/* How many seccomp filters /proc/PID/status says. */
int parse_filters(const char *text, uint64_t *ret);

/* The cgroup2 line of /proc/PID/cgroup, without the leading slash. */
int parse_cgroup(const char *text, char *ret, size_t room);

#endif
