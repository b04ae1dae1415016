/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real container for tests of the entry: a leader made by clone(2), and a cgroup
 *
 * One a process. The leader does nothing, unless a test gives it a life; tests replace it, move it,
 * let it die.
 */
#ifndef TEST_ENTER_CONTAINER_H
#define TEST_ENTER_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Outside, of the first id inside. */
#define ID_FIRST 200000

struct enter_container {
	pid_t leader;
	uint32_t own_ns;  /* mask: which namespaces it does not share with us */
	bool has_user_ns; /* false: the kernel makes none here */
	char out[32];	  /* a directory that a handler can write to */
	char boundary[64], boundary_name[32];
	uint64_t boundary_id;
};

extern struct enter_container container;

/* The directory and the cgroup; the leader comes after whatever it is to inherit. Negative: it
 * failed. */
int container_make(void);
/* `forget` runs in each new leader: it closes what only the worker is to have open. */
void container_start(void (*forget)(void));
int container_remove(void);

/* Leaders to come have a user namespace of their own, or ours. */
void container_own_user_ns(bool own);
/* What leaders to come do before they are registered, and from then on for ever; NULL: nothing. */
void container_life(void (*prepare)(void), void (*live)(void));
void leader_start(void);
/* Another leader for one test: the first id inside, and whether it has no new privileges and few
 * capabilities. */
void leader_replace(int ids, bool bound);

void file_put(const char *path, const char *text);

#endif
