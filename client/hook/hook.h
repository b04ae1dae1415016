/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the hook is to do, and what became of it. */
#ifndef UPCALL_OCI_HOOK_H
#define UPCALL_OCI_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "libupcall.h"
#include "oci-seccomp.h"
#include "oci-state.h"
#include "report.h"

#define REASON_SIZE 512

struct hook {
	const struct phase *phase;
	const char *prefix;
	const char *runtime;
	const char *id; /* NULL: who it is, is on standard input */
	uint32_t pid;
	uint32_t timeout_ms;
	bool required;
	struct oci_state state;
	struct oci_filter filter; /* of the bundle */
	char name[OCI_NAME_SIZE];
	char reason[REASON_SIZE]; /* of a failure */
};

struct phase {
	const char *name;
	const char *failed; /* what that means */
	const char *late;   /* the same where it is not known: what was asked for may be done */
	bool begins;	    /* a container that is to run then */
	int (*run)(struct hook *hook, struct upcall_connection *connection);
};

/* Returns `error`. */
report_format(3) int fail(struct hook *hook, int error, const char *format, ...);

/* NULL: none of ours. */
const struct phase *phase_find(const char *name);
/* Asks upcalld for it, within the time that it has. 0, or a negative errno and the reason. */
int phase_run(struct hook *hook);

#endif
