/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seccomp filter of a bundle (linux.seccomp of its config.json), as the runtime makes it
 *
 * By the OCI runtime specification, with libseccomp, as crun does. Runc has calls that are newer
 * than all of the filter's fail with ENOSYS besides, where this has them fail as others. What is
 * not translated is an action that asks another process (SCMP_ACT_NOTIFY), and flags: what they
 * change is not which calls are made.
 */
#ifndef UPCALL_OCI_SECCOMP_H
#define UPCALL_OCI_SECCOMP_H

#include "oci-json.h"

struct oci_filter {
	void *code;  /* owned: instructions of classic BPF */
	size_t size; /* bytes; 0: there is no filter */
};

#define OCI_FILTER_NULL ((struct oci_filter){ .code = NULL })

/* Of config.json's text. Negative: the reason says what and where, and there is nothing to free. */
int oci_seccomp(const char *config, size_t size, struct oci_filter *ret,
		char reason[OCI_REASON_SIZE]);
void oci_filter_clear(struct oci_filter *filter);

#endif
