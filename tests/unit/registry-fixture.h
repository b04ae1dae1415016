/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A registry with a fake kernel, a real process that plays the leader, and state
 * files in a folder of its own.
 */
#ifndef TEST_REGISTRY_FIXTURE_H
#define TEST_REGISTRY_FIXTURE_H

#include <sys/types.h>

#include "registry.h"
#include "state.h"

struct fixture {
	struct ev_loop *loop;
	struct config *config;
	struct registry_watcher watcher;
	struct registry registry;
	struct failure failure;
	char base[32];
	pid_t child; /* plays the leader */
	int pidfd;
	unsigned int gone, was_gone;
	enum registry_reason reason;
};

/* As cmocka has them: a registry with the module, and nobody in it. */
int setup(void **state);
int teardown(void **state);

/* Of a daemon that begins, without what it would restore; -1: without a shim. */
void start(struct fixture *fixture, int shim_fd);
/* The next daemon, with the module. */
void restart(struct fixture *fixture);
void new_leader(struct fixture *fixture);
void kill_leader(struct fixture *fixture);
int register_as(struct fixture *fixture, const char *name);

bool has_state(struct fixture *fixture, const char *name);
void write_state(struct fixture *fixture, const char *name, const char *text);

/* For fake_shim.before_add: what web's state file says before the kernel is asked, into `intent`. */
extern struct fixture *crashing; /* whose; the test sets it */
extern char intent[STATE_FILE_MAX];
void take_intent(void);

struct container *first_tombstone(struct fixture *fixture);
/* It is a tombstone that refuses everything, also in the kernel. */
void assert_refused(struct fixture *fixture, const char *name);
void assert_unregisters(struct fixture *fixture, const char *name);

#endif
