/* SPDX-License-Identifier: GPL-2.0-only */
/* Making the calling process a usermode helper. */
#ifndef UPCALL_SHIM_ATTACH_H
#define UPCALL_SHIM_ATTACH_H

#include <linux/types.h>

struct upcall;

/* @capabilities: what the caller's sets are cut to. Errors: struct upcall_attach in upcall.h. */
int attach_current(struct upcall *upcall, u32 generation, u64 capabilities);

#endif
