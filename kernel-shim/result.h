/* SPDX-License-Identifier: GPL-2.0-only */
/* What a requester gets that the broker cannot, or will not, serve. */
#ifndef UPCALL_SHIM_RESULT_H
#define UPCALL_SHIM_RESULT_H

#include "upcall.h"

struct subprocess_info;

/**
 * result_refused - make the refusal of an upcall
 * @wait: UMH_* as the caller gave it
 * @error: positive errno; EINTR: the requester was killed
 *
 * Returns what call_usermodehelper_exec() is to return. For a key it rejects
 * the key too, which may sleep. @info stays the caller's.
 */
int result_refused(struct subprocess_info *info, int wait, enum upcall_class class, int error);

#endif
