/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces that somebody named by their files, to be joined. */
#ifndef UPCALLCTL_JOINS_H
#define UPCALLCTL_JOINS_H

#include <stdbool.h>

#define JOINS_TYPES	  8 /* of namespaces */
#define JOINS_REASON_SIZE 512

/* Zeroed is empty. */
struct joins {
	const char *paths[JOINS_TYPES]; /* NULL: that one stays */
	int fds[JOINS_TYPES];
	bool open;
};

bool joins_any(const struct joins *joins);

/* "TYPE=PATH", which has to stay. -EINVAL: no such type, or no path; -EEXIST: it was there. */
int joins_add(struct joins *joins, const char *text);

/*
 * Opens all of them. False, and a sentence about the one that cannot be joined. Mounts and
 * processes are joined only with the users who own them: whoever decides what a path leads to
 * would else have programs of his executed by the host's root.
 */
bool joins_open(struct joins *joins, char reason[JOINS_REASON_SIZE]);
void joins_close(struct joins *joins);

/*
 * Joins them, with fork(2)'s child in the pid namespace; nobody can trace who has joined. In a
 * user namespace its root, without capabilities, and with none of execve(2) that containers do not
 * have usually; where none is to be joined, with mounts of one's own. A negative errno, and what
 * could not be done: a path, or words.
 */
int joins_enter(const struct joins *joins, const char **ret);

#endif
