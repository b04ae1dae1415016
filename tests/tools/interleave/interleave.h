/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who takes part in interleave, and what all of its processes share. */
#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include "../shim.h"

#define RAISERS_MAX 18
#define HANDLERS    64 /* that may hang at once; a killer takes one of these */

enum action {
	ACTION_COMPLETE,
	ACTION_CLOSE,
	ACTION_STALL,
	ACTION_RUN,
	ACTION_HANG,
	ACTION_RACE,
	ACTION_TWICE,
	ACTION_NATIVE,
	ACTION_DENY,
	ACTION_CANCEL,
	ACTION_AGAIN,
	ACTION_LEAVE,
	ACTION_DRAIN,
	ACTION_KILL_HANDLER,
	ACTION_ADOPT,
	ACTION_COUNT
};

struct shared {
	atomic_uint raises;
	atomic_uint kills;
	atomic_uint unexpected;
	atomic_uint actions[ACTION_COUNT];
	atomic_ullong stranger; /* the id of its entry; 0: it has none */
	atomic_int handlers[HANDLERS];
	atomic_bool stop;
};

/* Those that raise upcalls in one container. */
struct crew {
	pid_t leader;
	const char *cgroup;
	unsigned int size;
};

/* main.c: set before the first child */
extern struct shared *shared;
extern int device, raiser;
extern const char *helper_path;
extern unsigned int count_wanted;
extern pid_t stranger_leader;

/* chance.c: any seed but 0 will do, and each process has one of its own. */
void random_begin(__u64 seed);
unsigned int random_below(unsigned int bound);
__u64 random_next(void);
void pause_us(unsigned int us);
/* Mostly not; sometimes long enough for a deadline. */
void pause_at_random(void);
/* fork(2), with another seed in the child. */
pid_t child_start(void);

/* handlers.c: processes that attach to the upcall whose file is @upcall. */
pid_t handler_start(int upcall, int hang);
void handler_kill(void);
void handlers_reap(int flags);

/* brokers.c */
extern const char *const action_names[ACTION_COUNT];
/* A call of the device that says so: it was done. One that it must not say is counted. */
int allowed(long ret, const char *what);
/* What no call of ours, and nothing that the module does, may come to. */
void unexpected(const char *what);
void broker_run(void);
/* Registers the stranger, or unregisters it. */
void stranger_toggle(void);

/* raisers.c: keeps the tasks of @crew going, and kills one now and then. */
void raisers_run(const struct crew *crew);
