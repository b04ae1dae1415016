/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an OCI runtime tells its hooks on their standard input, as far as we ask
 *
 * The runtime writes it, but names and annotations in it are others' choice: only
 * id, pid and bundle are taken, and annotations never say anything about policy.
 */
#ifndef UPCALL_OCI_STATE_H
#define UPCALL_OCI_STATE_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "oci-json.h"

#define OCI_ID_MAX    255
#define OCI_NAME_SIZE 64 /* of a container, with its end */

struct oci_state {
	char id[OCI_ID_MAX + 1]; /* letters, digits, '+', '-', '.' and '_' */
	pid_t pid;		 /* 0: it names none */
	char bundle[PATH_MAX];	 /* absolute; "": it names none */
};

/* -EBADMSG: reason says what is wrong, and where, and *ret is not to be used. */
int oci_state_parse(const char *text, size_t size, struct oci_state *ret,
		    char reason[OCI_REASON_SIZE]);

/* Sets an id that somebody else than a runtime's state says. -EBADMSG: reason says why not. */
int oci_state_id(struct oci_state *state, const char *id, char reason[OCI_REASON_SIZE]);

/*
 * The name that the container is registered under. Of an id of 64 hexadecimal digits,
 * which is too long, the first 12, as engines show it. -ENAMETOOLONG.
 */
int oci_name(const char *prefix, const char *id, char name[OCI_NAME_SIZE]);

#endif
