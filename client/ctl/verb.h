/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One verb of upcallctl, and what all verbs share: exit status, error sentences.
 */
#ifndef UPCALLCTL_VERB_H
#define UPCALLCTL_VERB_H

#include <getopt.h>

#include "libupcall.h"

/* Documented in --help; scripts depend on them. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NO_SUCH = 3, /* container, process, cgroup, upcall */
	STATUS_DENIED = 4,
	STATUS_UNREACHABLE = 5, /* the daemon */
	STATUS_NO_MODULE = 6,
	STATUS_ENDED = 7,	 /* the upcall */
	STATUS_TAKEN = 8,	 /* the name, or the leader by another name */
	STATUS_NO_CONTAINER = 9, /* the process is in none */
	STATUS_KERNEL_THREAD = 10,
};

/* Of exec and run, whose exit status is the command's: where env(1) and chroot(1) have theirs. */
enum command_status {
	COMMAND_TIMEOUT = 124,
	COMMAND_FAILED = 125, /* we have */
	COMMAND_CANNOT_EXECUTE = 126,
	COMMAND_NOT_FOUND = 127,
	COMMAND_SIGNAL = 128, /* and its number */
};

struct verb {
	const char *name;
	const char *arguments; /* "NAME --pid PID [...]" */
	const char *summary;   /* half a line */
	const char *details;   /* option list, "" for none */
	const char *example;
	const char *statuses; /* what its exit statuses mean; NULL: enum exit_status */
	int (*run)(const struct verb *verb, int argc, char **argv);
};

extern const struct verb verb_cancel;
extern const struct verb verb_check;
extern const struct verb verb_config;
extern const struct verb verb_doctor;
extern const struct verb verb_drain;
extern const struct verb verb_exec;
extern const struct verb verb_explain;
extern const struct verb verb_list;
extern const struct verb verb_monitor;
extern const struct verb verb_pending;
extern const struct verb verb_register;
extern const struct verb verb_reload;
extern const struct verb verb_run;
extern const struct verb verb_show;
extern const struct verb verb_status;
extern const struct verb verb_test;
extern const struct verb verb_unregister;

/* --- failure.c: each prints one sentence to stderr and returns the exit status --- */

/* What getopt_long() refused; `option` is its return value. */
int refuse_option(const struct verb *verb, int option, char **argv);
__attribute__((format(printf, 2, 3))) int usage_error(const struct verb *verb, const char *format,
						      ...);
/* A failure with an errno of our own. The sentence ends with the errno's text. */
__attribute__((format(printf, 3, 4))) int failed(const struct verb *verb, int error,
						 const char *format, ...);
/* A failure of the library; `thing` is what it was about, or NULL. Closes the connection. */
int library_failed(const struct verb *verb, const char *thing, struct upcall_connection *connection,
		   int error);

/* --- main.c --- */

int print_verb_help(const struct verb *verb); /* returns STATUS_OK */
/* Everything printed has arrived, else a sentence and STATUS_FAILED. */
int finish_output(const struct verb *verb);

#endif
