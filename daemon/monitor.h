/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who wants to be told of every upcall: connections that said Monitor
 *
 * Signals are sent without waiting. What the monitor's socket does not take is
 * queued; when MONITOR_UNREAD_MAX are, the monitor is told that it is dropped, and
 * gets no more. What it has not read when CONTROL_IDLE_SECONDS have passed is
 * forgotten with its connection.
 */
#ifndef UPCALLD_MONITOR_H
#define UPCALLD_MONITOR_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "record.h"

#define MONITOR_MAX	   8
#define MONITOR_UNREAD_MAX 256
/* The kernel doubles it; together about a hundred signals. */
#define MONITOR_SOCKET_SIZE (64 * 1024)

struct control;
struct control_link;

/* For struct record_watcher. */
void monitor_offered(struct control *control, const struct facts *facts, const char *container);
void monitor_ended(struct control *control, const struct record *record);

/* -EDQUOT: there are too many; other errors. Twice is once. */
int monitor_add(struct control_link *link);

#endif
