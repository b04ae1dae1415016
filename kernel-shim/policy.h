/* SPDX-License-Identifier: GPL-2.0-only */
/* A verdict for each class, and for key types: of a table entry, or of a rule of adopt.c. */
#ifndef UPCALL_SHIM_POLICY_H
#define UPCALL_SHIM_POLICY_H

#include "upcall.h"

/* @key_type: NULL if it is not known; of no other class than key. */
enum upcall_verdict policy_verdict(const struct upcall_policy *policy, enum upcall_class class,
				   const char *key_type);
/* -EINVAL: user space has made it wrong. */
int policy_check(const struct upcall_policy *policy);

#endif
