/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For children of ours that others can get at. */
#ifndef UPCALLCTL_CAPABILITIES_H
#define UPCALLCTL_CAPABILITIES_H

/* Permitted, effective and inheritable ones, all of them. 0 or a negative errno. */
int capabilities_drop(void);

#endif
