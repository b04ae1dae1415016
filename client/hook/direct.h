/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registering without a library that speaks D-Bus
 *
 * sd-bus is in libsystemd, which there is no static one of, and which takes longer to load
 * than all that the hook does. This knows one method, without options, and whether it was done.
 */
#ifndef UPCALL_OCI_DIRECT_H
#define UPCALL_OCI_DIRECT_H

#include <sys/types.h>

/*
 * RegisterProcess of org.upcalld.Manager1, at the socket that libupcall would take for root. 0:
 * it was done. -EPROTO: upcalld has answered something else; other negative errnos: the
 * connection has failed. After any of them it may have been done all the same. Waits as long as
 * upcalld does.
 */
int direct_register(const char *name, pid_t pid);

#endif
