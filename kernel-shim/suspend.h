/* SPDX-License-Identifier: GPL-2.0-only */
/* Who waits freezes where it waits, or is waited for: what a suspending machine meets. */
#ifndef UPCALL_SHIM_SUSPEND_H
#define UPCALL_SHIM_SUSPEND_H

#include <linux/types.h>

struct subject;

int suspend_init(void);
void suspend_exit(void);

bool suspend_may_freeze(const struct subject *subject);

/* After a wait that might freeze: what the freezer has left behind ends no core dump. */
void suspend_forget(const struct subject *subject);

/* Before a wait that cannot be frozen. False: the machine suspends, there must be none. */
bool suspend_hold(void);
void suspend_release(void);

#endif
