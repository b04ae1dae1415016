/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How workers are started: an interface with two sides of equal rank, systemd
 * and our own fork.
 *
 * Nothing here waits. A start that is under way belongs to whoever asked for
 * it: cancelling it is the only other end than done().
 */
#ifndef UPCALLD_LAUNCHER_H
#define UPCALLD_LAUNCHER_H

#include <ev.h>
#include <stdbool.h>

/* PID 1 gets this long; then the upcalls that wait for the worker are refused. */
#define LAUNCHER_SECONDS 25.

struct launch;
struct launcher;

struct launch_client {
	/* fd: connected packet socket, the client's now; negative: errno. The launch is gone. */
	void (*done)(struct launch_client *client, int fd);
};

struct launcher_vtable {
	const char *name;
	/*
	 * Returns a connected fd at once, or -EINPROGRESS with *ret (done() will be
	 * called, never before this returns), or another errno.
	 */
	int (*start)(struct launcher *launcher, const char *name, struct launch_client *client,
		     struct launch **ret);
	void (*cancel)(struct launch *launch);
	/* The container has gone: so does its worker. Nobody is told. */
	void (*stop)(struct launcher *launcher, const char *name);
	/* Something that was asked for has not been handed on yet. */
	bool (*busy)(const struct launcher *launcher);
	struct launcher *(*free)(struct launcher *launcher);
};

struct launcher {
	const struct launcher_vtable *vtable;
};

static inline struct launcher *launcher_free(struct launcher *launcher)
{
	return launcher ? launcher->vtable->free(launcher) : NULL;
}

/* PID 1's own socket, which serves root without a bus daemon. */
#define LAUNCHER_SYSTEMD_ADDRESS "unix:path=/run/systemd/private"

/* Units upcall-worker@NAME.socket of the manager at a D-Bus address. */
struct launcher *launcher_systemd_new(struct ev_loop *loop, const char *address);
/* Children of ours. */
struct launcher *launcher_fork_new(struct ev_loop *loop, const char *worker_path);

#endif
