/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SIGTERM
 *
 * Who stops us, because the container has been unregistered or the machine goes down, wants
 * nothing of it to run on, and nothing to stay: a leaf that nobody removes keeps the container's
 * cgroup from being removed, and there may be no next worker to sweep it.
 */
#ifndef UPCALL_WORKER_ENDING_H
#define UPCALL_WORKER_ENDING_H

#include "hands.h"

/* From here on it ends what runs, after which nobody is listened to. Once in a process. */
int ending_watch(struct hands *hands);

#endif
