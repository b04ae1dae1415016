/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SIGTERM
 *
 * Who stops us, because the container has been unregistered, or takes us for hung or too old,
 * wants us to go soon, and nothing of us to stay: a leaf that nobody removes keeps the
 * container's cgroup from being removed, and there may be no next worker to sweep it. But what
 * runs is to end as it would.
 */
#ifndef UPCALL_WORKER_ENDING_H
#define UPCALL_WORKER_ENDING_H

#include "hands.h"

/* From here on nothing new is taken at SIGTERM, and requests_end() comes. Once in a process. */
int ending_watch(struct hands *hands);

#endif
