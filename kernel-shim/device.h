/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/upcall: the broker's side of everything. */
#ifndef UPCALL_SHIM_DEVICE_H
#define UPCALL_SHIM_DEVICE_H

int device_init(void);
void device_exit(void);

#endif
