/* SPDX-License-Identifier: GPL-2.0-only */
/* What kind of upcall it is, told by kernel code addresses. */
#ifndef UPCALL_SHIM_CLASS_H
#define UPCALL_SHIM_CLASS_H

#include <linux/types.h>

#include "upcall.h"

struct subprocess_info;

/**
 * class_of - class of an upcall
 * @info: the caller's
 * @caller: where call_usermodehelper_exec() returns to
 * @infrastructure: set if it is one that no policy may touch, because the
 *	machine's state, or a lock that everybody needs, hangs on it
 */
enum upcall_class class_of(const struct subprocess_info *info, unsigned long caller,
			   bool *infrastructure);

#endif
