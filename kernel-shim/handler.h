/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process that has attached to an upcall: its end is the upcall's
 *
 * Of struct upcall these are its own: handler, handler_cgroup, watch, watched.
 */
#ifndef UPCALL_SHIM_HANDLER_H
#define UPCALL_SHIM_HANDLER_H

struct upcall;

void handler_init(struct upcall *upcall);

/* The current process is the handler; it is alive, so its end cannot be missed. */
void handler_watch(struct upcall *upcall);

/*
 * Kill it: it was too late, it is cancelled, or its requester has gone. Called
 * unlocked, and once at most: by whoever has ended a RUNNING upcall before it.
 */
void handler_end(struct upcall *upcall);

#endif
