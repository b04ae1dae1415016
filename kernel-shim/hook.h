/* SPDX-License-Identifier: GPL-2.0-only */
/* The one door of all usermodehelpers. */
#ifndef UPCALL_SHIM_HOOK_H
#define UPCALL_SHIM_HOOK_H

int hook_init(void);
void hook_start(void); /* loading cannot fail any more */
void hook_exit(void);

#endif
