/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a cgroup's file cgroup.events says, and waiting for it to say something else. */
#ifndef UPCALL_CLIENT_CGROUP_EVENTS_H
#define UPCALL_CLIENT_CGROUP_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds of a clock that goes on, for a deadline that lies so many from now; -1: none. */
int64_t deadline_in(int milliseconds);
/* What is left of it for poll(). */
int deadline_left(int64_t deadline);

/* 1 or 0, or a negative errno. In a cgroup that is no more, nothing is anything. */
int cgroup_event(int dir, const char *event);

/* -ETIMEDOUT, if it has not come to that before; -ENODEV, if it cannot any more. */
int cgroup_event_wait(int dir, const char *event, bool value, int64_t deadline);

/* The same, of a cgroup.events that is open. */
int cgroup_file_wait(int file, const char *event, bool value, int64_t deadline);

/* Into a file of the cgroup. */
int cgroup_write(int dir, const char *file, const char *text);

#endif
