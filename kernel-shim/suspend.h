/* SPDX-License-Identifier: GPL-2.0-only */
/* Waits that a suspending machine must not meet. */
#ifndef UPCALL_SHIM_SUSPEND_H
#define UPCALL_SHIM_SUSPEND_H

#include <linux/types.h>

int suspend_init(void);
void suspend_exit(void);

/* Before a wait that cannot be frozen. False: the machine suspends, there must be none. */
bool suspend_hold(void);
void suspend_release(void);

#endif
