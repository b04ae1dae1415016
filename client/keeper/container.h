/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upcall-keeper - what a container's fd leads to
 *
 * One process for each container that libupcall made: it lives in the container's
 * namespaces, but neither in its pid namespace nor in its cgroup, so that the container
 * does not see it and does not take it along; does what holders of the fd ask for, each
 * request by itself; and when the last copy of the fd is closed, ends the container, if
 * that was wished, and itself.
 *
 * It has no thread, looks up no name and executes nothing.
 */
#ifndef UPCALL_KEEPER_CONTAINER_H
#define UPCALL_KEEPER_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keeper.h"

#define KEEPER_NAME_LEN 64

#define KEEPER_NAMESPACES 8

/* A file, whatever fd leads to it. */
struct identity {
	uint64_t device;
	uint64_t inode;
};

#define KEEPER_MOUNTS 8

/* A mount that is being made by a child of ours: pidfd is -1 for none. */
struct mounting {
	int pidfd;
	int conversation; /* with who has asked for it */
};

/* -1: none, for all fds. */
struct keeper {
	int socket;		/* its other end is the container's fd */
	int namespaces;		/* /proc/self/ns, from when there was a /proc */
	int first;		/* pidfd of the first process, also when that has ended */
	int starting;		/* our end of a socket that who is making it has */
	int64_t starting_until; /* when we take it that he never will */
	int shown;		/* pidfd that he showed as its */
	int cgroup;		/* directory */
	int cgroup_kill;	/* its files, open from when nobody was in it who could deny them */
	int cgroup_events;
	int cgroup_parent;  /* of one that is ours, to be removed */
	int pid_namespace;  /* that were given: only a child of ours would be in it */
	int time_namespace; /* the same */
	int cgroup_namespace;
	int32_t keyring;
	uint32_t flags;
	struct mounting mounts[KEEPER_MOUNTS];
	struct identity creators[KEEPER_NAMESPACES]; /* zero: there is no such namespace */
	char cgroup_name[KEEPER_NAME_LEN + 32];
	char name[KEEPER_NAME_LEN];
};

/* A request and what comes back. */
struct ask {
	const struct keeper_request *request;
	int conversation;
	const int *arguments; /* KEEPER_ARGUMENTS; -1 where there is none */
	struct keeper_answer answer;
	int fds[KEEPER_FDS]; /* sent with the answer, then closed */
	size_t fd_count;
	bool later; /* it is answered by who serves it */
};

/* fd becomes the ask's. 0, or -errno where it is one. */
int ask_add(struct ask *ask, int fd);
int ask_send(struct ask *ask);

/* --- create.c --- */

int keeper_create(struct keeper *keeper, struct ask *ask);

/* --- cgroup.c: all of them do without one --- */

/* One below our own, if the kernel lets us. */
void cgroup_make(struct keeper *keeper);
/* One that was given, instead; kill: what shows that the asker may do so. */
int cgroup_set(struct keeper *keeper, int dir, int kill);
/* Whether a process is in it, and in none below. */
bool cgroup_has(int cgroup, pid_t pid);
/* With what was made in it. -EBUSY: something lives in it. */
int cgroup_remove(struct keeper *keeper);

/* --- tree.c: the container's mounts --- */

/* Nothing but an empty directory is left of the mount namespace. */
int tree_empty(bool own_user_namespace);
int tree_private(void);
int tree_root(void);
int tree_fsopen(const struct keeper *keeper, const char *type, uint32_t flags);
/* Begins it; it ends when the pidfd is readable, and the asker is told. */
int tree_mount(struct keeper *keeper, struct ask *ask);
void tree_mount_end(struct keeper *keeper, struct mounting *mounting);

/* --- nsfds.c: what leads into the container --- */

int nsfds_answer(struct keeper *keeper, struct ask *ask);
int namespace_set(struct keeper *keeper, int namespace);
/* Before any of them is left. */
int namespaces_keep(struct keeper *keeper);
/* Without asking the file system: who sent the fd may be who has to answer, and does not. */
int identify(int dir, const char *name, int flags, struct identity *identity);

/* --- serve.c --- */

void keeper_serve(struct keeper *keeper);

/* --- end.c --- */

/* Returns when nothing is left that was promised to go. */
void keeper_end(struct keeper *keeper);

/* --- keyring.c --- */

int keyring_make(struct keeper *keeper);

#endif
