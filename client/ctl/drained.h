/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What upcallctl drain leaves for upcallctl doctor: the module does not tell whether
 * it is draining. One number: of the module's directory in sysfs, which another load
 * of it does not have. What a program of somebody's own has drained is not noted.
 */
#ifndef UPCALLCTL_DRAINED_H
#define UPCALLCTL_DRAINED_H

#define DRAINED_NOTE   "/run/upcalld/drained"
#define DRAINED_MODULE "/sys/module/upcall_shim"

#endif
