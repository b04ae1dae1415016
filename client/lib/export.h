/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What programs see of the library; all else is hidden. */
#ifndef LIBUPCALL_EXPORT_H
#define LIBUPCALL_EXPORT_H

#define UPCALL_EXPORT __attribute__((visibility("default")))

#endif
