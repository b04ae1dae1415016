/* SPDX-License-Identifier: GPL-2.0-only */
/* The upcall fd: the authority to answer one upcall; and ATTACH (attach.c). */
#ifndef UPCALL_SHIM_HANDLE_H
#define UPCALL_SHIM_HANDLE_H

#include <linux/types.h>

#include "upcall.h"

struct upcall;

/* Claim the upcall and install an fd for it in the caller's table. The fd, or -errno. */
int handle_claim(const struct upcall_claim *claim);

/* Install a witness (UPCALL_IOC_WITNESS) in the caller's table. The fd, or -errno. */
int handle_witness(void);

/* UPCALL_IOC_INFO and UPCALL_IOC_TAGS, which both kinds of fd have. */
int info_to_user(const struct upcall *upcall, struct upcall_info __user *user);
int tags_to_user(struct upcall_tags __user *user);

/*
 * Makes the calling process a usermode helper. @capabilities: what its sets are
 * cut to. Errors: struct upcall_attach in upcall.h.
 */
int attach_current(struct upcall *upcall, u32 generation, u64 capabilities);

#endif
