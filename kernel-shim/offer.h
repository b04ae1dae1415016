/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UPCALL_SHIM_OFFER_H
#define UPCALL_SHIM_OFFER_H

#include <linux/types.h>

struct subject;
struct subprocess_info;

/**
 * upcall_offer - offer an upcall and wait for its ending
 *
 * Returns true with *@ret set: it has been answered, @info is the caller's to
 * free. Returns false: the caller is to use the kernel's own usermodehelper,
 * with @info as it was.
 */
bool upcall_offer(struct subprocess_info *info, int wait, const struct subject *subject, int *ret);

#endif
