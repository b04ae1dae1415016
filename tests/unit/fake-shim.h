/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's half for tests of the brain: shim.h and shim-fd.h without a kernel
 *
 * One fake a process. Tests set what it answers and look at what it was told.
 */
#ifndef TEST_FAKE_SHIM_H
#define TEST_FAKE_SHIM_H

#include <stdbool.h>

#include "shim.h"

/* Any fd will do: nothing is done to it. */
#define FAKE_SHIM_FD 1000

#define FAKE_CONTAINERS 64
#define FAKE_UPCALLS	256

enum fake_end {
	FAKE_OFFERED = 0,
	FAKE_CLAIMED,
	FAKE_DENIED,
	FAKE_NATIVE,
	FAKE_COMPLETED,
	FAKE_CANCELLED,
	FAKE_AGAIN,
};

struct fake_upcall {
	struct tags tags;
	enum fake_end end;
	int error; /* of DENY or COMPLETE */
	int fd;	   /* of the last claim: read end of a pipe whose other end is `gone` */
	int gone;  /* readable (EOF) once nobody has the upcall fd any more */
	unsigned int claims;
	uint32_t run_ms; /* of the last claim */
};

#define FAKE_SHIM_OWNER_OF_NOTHING 1001 /* of all other users each process is */

struct fake_shim {
	struct upcall_container containers[FAKE_CONTAINERS];
	unsigned int containers_count;
	uint64_t next_id;
	struct fake_upcall upcalls[FAKE_UPCALLS];
	unsigned int upcalls_count;
	struct upcall_adoption *adoptions; /* what it was told last */
	uint32_t adoptions_count;
	/* of whatever process is asked about, or of one alone: no other has tags */
	struct tags process;
	uint32_t only_pid;
	/* negative errno that the next such call gives, once */
	int fail_add;
	int fail_policy;
	int fail_next;
	int fail_tags;
	int fail_claim;
	int fail_cancel;
	int fail_witness;
	void (*before_add)(void); /* called at each ADD, before anything is done */
	unsigned int tags_calls;
	unsigned int info_calls;
	unsigned int policy_calls;
};

extern struct fake_shim fake_shim;

void fake_shim_reset(void);
/* Has the upcall's fd no holder? Waits a moment for it. */
bool fake_upcall_dropped(const struct fake_upcall *upcall);
struct fake_upcall *fake_upcall_add(const struct tags *tags);
struct fake_upcall *fake_upcall_find(uint64_t id);
/* What a registered container's process looks like. */
struct tags fake_process(void);

#endif
