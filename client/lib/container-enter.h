/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a process comes into a container. Safe in a forked child of a program with threads. */
#ifndef LIBUPCALL_CONTAINER_ENTER_H
#define LIBUPCALL_CONTAINER_ENTER_H

#include "keeper-ask.h"

/*
 * The calling process, which has one thread, goes where a KEEPER_FORK reply leads; its
 * children will be in the pid namespace, too. -errno: it is halfway there.
 */
int container_enter(const struct keeper_reply *reply);

#endif
