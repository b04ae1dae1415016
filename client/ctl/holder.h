/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The leader of a container of which only its namespaces and its cgroup are known
 *
 * Who registers a container shows a process in it. Where nobody can, because there is none yet
 * or any may end first, one of ours is it: it has joined the namespaces, lives in a cgroup of its
 * own right below the container's, and does nothing. So it ends as the container's tasks do, when
 * their cgroup is killed, or by `upcallctl unregister`.
 */
#ifndef UPCALLCTL_HOLDER_H
#define UPCALLCTL_HOLDER_H

#include <stdbool.h>

#include "joins.h"
#include "libupcall.h"

#define HOLDER_NAME "upcall-holder" /* of the process, and of its cgroup, with the container's */

/* -1: none, for all of them. */
struct holder {
	int pidfd;
	int go;	    /* it ends with this, unless it has had the word */
	int cgroup; /* the container's */
	char leaf[96];
	bool made; /* that leaf is ours to remove; false: it was there, and another may live in it */
};

#define HOLDER_NULL ((struct holder){ .pidfd = -1, .go = -1, .cgroup = -1 })

/* What it is to be started with. */
struct holder_start {
	const char *name;
	const struct joins *joins; /* open */
	const char *cgroup;	   /* as for upcall_register_options */
	char **argv;		   /* of main(), whose words those of the others are */
};

/*
 * A negative errno, and what could not be done: a path, or words. holder_end() is for the caller,
 * also on failure.
 */
int holder_start(struct holder *holder, const struct holder_start *start, const char **ret);
/* It stays when we end. */
int holder_keep(struct holder *holder);
/* Kills it and removes its cgroup: -EBUSY where a handler lives there yet. */
int holder_end(struct holder *holder);
/* It goes on as it is: without the word it ends. */
void holder_close(struct holder *holder);

/*
 * If the container has such a leader, or had one, of whom there is a cgroup, that becomes the
 * holder's; else that stays what it is.
 */
void holder_find(struct holder *holder, const struct upcall_entry *entry);

#endif
