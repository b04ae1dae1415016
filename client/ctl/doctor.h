/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upcallctl doctor: what the checks have and what they say.
 *
 * A check is a function that looks at one thing and calls found() for what is
 * wrong with it; the table is in doctor.c. A check whose question makes no sense
 * here (no systemd, not root) says nothing.
 */
#ifndef UPCALLCTL_DOCTOR_H
#define UPCALLCTL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "config.h"
#include "libupcall.h"

#define DOCTOR_PATH 512

/* What can be wrong. Programs and documentation name it by its id, which never changes. */
struct finding_kind {
	const char *id;
	const char *why; /* it matters */
};

struct finding {
	const struct finding_kind *kind;
	bool note;     /* no fault: nothing is worse for it */
	char *subject; /* file, unit, container, as it is; "" where there is one such thing only */
	char *what;    /* printable ASCII */
	char *mend;    /* a command; "" where a name in it is none to be copied from a terminal */
};

struct doctor {
	/* ---- the machine; a test has one of its own ---- */
	const char *root;    /* put before every path */
	const char *release; /* of the kernel that runs */
	const char *machine; /* the same, by uname(2) */
	char **directories;  /* of policies */
	int (*capture)(const char *const argv[], char *out, size_t room); /* capture.h */

	/* ---- gathered by the checks ---- */
	bool by_root;
	struct config *config;
	struct upcall_daemon *daemon;  /* NULL: no answer; daemon_error: why, if it is a fault */
	struct upcall_entry **entries; /* NULL: not known */
	char *daemon_error;

	struct finding *findings;
	size_t count;
	bool policies_bad; /* set by check_policies() */
	bool no_memory;
};

/* ---- for checks ---- */

/* `mend` is the command. The sentence `what` has no full stop. */
void found(struct doctor *doctor, const struct finding_kind *kind, const char *subject,
	   const char *mend, const char *what, ...) __attribute__((format(printf, 5, 6)));
/* The same, as a note. */
void noted(struct doctor *doctor, const struct finding_kind *kind, const char *subject,
	   const char *mend, const char *what, ...) __attribute__((format(printf, 5, 6)));
/*
 * A command: the format, with the word in each place of {}, quoted for the shell if it
 * needs that. Every path and name in a command has to come this way. To be freed; NULL:
 * no memory, which found() takes and reports.
 */
char *doctor_command(const char *format, const char *word);
/* Has something been found about it? What follows from that need not be said. */
bool is_found_about(const struct doctor *doctor, const char *subject);
bool is_found(const struct doctor *doctor, const struct finding_kind *kind);

/* Below doctor->root. */
bool doctor_stat(const struct doctor *doctor, const char *path, struct stat *ret);
/* Of a symbolic link itself. */
bool doctor_lstat(const struct doctor *doctor, const char *path, struct stat *ret);
bool doctor_exists(const struct doctor *doctor, const char *path);
/* The first line; "" if it cannot be read. */
void doctor_line(const struct doctor *doctor, const char *path, char *out, size_t room);
/* 1: a line begins with the text (or has it, where `within`); 0: none; -1: cannot be read. */
int doctor_grep(const struct doctor *doctor, const char *path, const char *text, bool within);
/* Some policy offers upcalls of that class to a handler. */
bool doctor_wants(const struct doctor *doctor, uint32_t class);

/* The command that brings Debian's own kernel, for this machine. */
const char *doctor_kernel_command(const struct doctor *doctor);

/* ---- the checks ---- */

typedef void check_fn(struct doctor *doctor);

check_fn check_policy_owners, check_own_config, check_policies, check_policies_read,
	check_host_handlers, check_unused;				  /* doctor-policy.c */
check_fn check_module, check_device, check_hook;			  /* doctor-module.c */
check_fn check_cores, check_suid_dumpable, check_modprobe, check_helpers; /* doctor-host.c */
check_fn check_units, check_daemon, check_state, check_containers;	  /* doctor-units.c */

/* All of them. Negative: no memory. */
int doctor_run(struct doctor *doctor);
void doctor_clear(struct doctor *doctor);

#endif
