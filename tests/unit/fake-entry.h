/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shim-fd.h for tests of the entry, and the key calls of an answerer
 *
 * The worker's children are real; they tell what they did through shared memory.
 */
#ifndef UPCALL_TEST_FAKE_ENTRY_H
#define UPCALL_TEST_FAKE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "tags.h"

#define FAKE_START_TIME 123456789
#define FAKE_CONTAINER	17
#define FAKE_SERIAL	4711

struct fake_entry {
	int attach_error;    /* what ATTACH fails with, 0: it works */
	bool wrong_cgroup;   /* the child is told that it is elsewhere */
	uint32_t wrong_ns;   /* mask: the same */
	bool no_id;	     /* the leader's user namespace has no id for a handler */
	bool overflow_id;    /* or only the overflow id */
	bool no_new_privs;   /* the leader has it */
	int no_new_privs_at; /* or from that look at it on; 0: never */
	bool filtered;	     /* the leader has a seccomp filter */
	bool cgroup1;	     /* the leader is in other cgroups of version 1 */
	bool no_upcall;	     /* what came is no file of the shim's */
	bool core;	     /* ATTACH puts a pipe at fd 0 */
	int keys_error;	     /* what a new session keyring fails with, 0: there is one */
	/* what happened */
	int looks; /* at the leader */
	bool session_revoked;
	int attached;
	int completed;
	int complete_error;
	int instantiated;
	int rejected;
	unsigned int timeout;
	char payload[256];
};

/* Shared with the children. fake_reset() before each request. */
extern struct fake_entry *fake;
void fake_reset(void);

/* What UPCALL_IOC_INFO says; the strings must stay. */
extern struct tags fake_info;

/* The namespaces of a process ("self" or a pid), and its cgroup's id, from procfs. */
void fake_place(const char *pid, struct tags *ret);

#endif
