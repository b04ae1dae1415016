/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last records, for explain and show
 *
 * The journal has them all; these are what can be asked for without reading it.
 * They end with the daemon.
 */
#ifndef UPCALLD_MEMORY_H
#define UPCALLD_MEMORY_H

#include "record.h"

#define MEMORY_MAX 256

struct remembered {
	struct record record; /* its texts are here, or ours for ever */
	struct facts facts;
	uint64_t at; /* microseconds since the epoch: of its end */
	char container[UPCALL_NAME_LEN];
	char *handler; /* NULL also where there was no memory for it */
	char *policy;
	char *section;
	char *reason;
};

struct memory {
	struct remembered ring[MEMORY_MAX];
	size_t next;
	size_t count;
};

struct memory *memory_new(void);
/* Takes NULL, returns NULL. The look-ups take NULL, too: nothing is remembered. */
struct memory *memory_free(struct memory *memory);

/* Takes the place of the oldest. */
void memory_put(struct memory *memory, const struct record *record);

/* The latest of that upcall, or of that container; NULL: none is remembered. */
const struct remembered *memory_of_upcall(const struct memory *memory, uint64_t id);
const struct remembered *memory_of_container(const struct memory *memory, const char *name);

#endif
