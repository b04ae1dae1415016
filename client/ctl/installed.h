/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel module that modprobe(8) would load, which need not be the one that is loaded. */
#ifndef UPCALLCTL_INSTALLED_H
#define UPCALLCTL_INSTALLED_H

#include <stddef.h>

/* Its version, for the kernel that runs; "" if there is none. */
void installed_module_version(char *ret, size_t size);

#endif
