/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a runtime's hook does unless its options say otherwise. */
#ifndef UPCALL_OCI_DEFAULTS_H
#define UPCALL_OCI_DEFAULTS_H

#define CREATE_RUNTIME "createRuntime"
#define PREFIX	       "oci-"
#define TIMEOUT_MS     3000 /* for upcalld */
#define STATE_TIMES    10   /* of that, for the state */

/* What a failure means there; and the same where it is not known: what was asked for may be done. */
#define NOT_REGISTERED	 "the container is not registered"
#define MAYBE_REGISTERED "the container may not be registered"

#endif
