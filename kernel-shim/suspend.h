/* SPDX-License-Identifier: GPL-2.0-only */
/* Who waits freezes where it waits, or is waited for: what a suspending machine meets. */
#ifndef UPCALL_SHIM_SUSPEND_H
#define UPCALL_SHIM_SUSPEND_H

#include <linux/types.h>

int suspend_init(void);
void suspend_exit(void);

/* After a core dump's wait: what the freezer has left behind does not end it. */
void suspend_forget(void);

/* Before a wait that cannot be frozen. False: the machine suspends, there must be none. */
bool suspend_hold(void);
void suspend_release(void);

#endif
