/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One journal record for each upcall that the daemon had a part in
 *
 * Written after the answer, so it costs the requester nothing. What others
 * chose (comm) is in fields of its own, of bounded length; MESSAGE_ID tells the
 * kind. More than RECORD_RATE a second of one container, or of all of a user's, are
 * counted instead, and the count is said once the second is over: neither must be
 * able to fill the journal, nor to keep the others out of it.
 */
#ifndef UPCALLD_RECORD_H
#define UPCALLD_RECORD_H

#include <ev.h>
#include <stdint.h>

#include "record-rate.h"
#include "tags.h"
#include "worker.h"

enum record_result {
	RECORD_SERVED = 0,
	RECORD_FAILED,	/* the handler ran and said so */
	RECORD_KILLED,	/* the handler, by a signal */
	RECORD_OOM,	/* the handler, by the kernel, for want of memory */
	RECORD_TIMEOUT, /* the handler, over its time */
	RECORD_EXEC_FAILED,
	RECORD_BAD_ANSWER,
	RECORD_ENTRY_FAILED,
	RECORD_GONE,	/* the requester was killed, or did not wait that long */
	RECORD_REFUSED, /* by policy or quota, or nobody could serve it */
	RECORD_NATIVE,	/* given back to the kernel */
	RECORD_LOST,	/* its worker died and the kernel did not ask again */

	/* private: */
	RECORD_RESULT_COUNT
};

/* What a record says of the upcall itself: copied, because events are not kept. */
struct facts {
	uint64_t id;
	uint32_t generation;
	uint32_t class;
	uint32_t origin;
	uint32_t tgid;
	uint32_t depth; /* 0: not of a handler */
	uint32_t ns[UPCALL_NS_COUNT];
	char comm[16];
	char key_type[UPCALL_KEY_TYPE_LEN];
};

struct record {
	const struct facts *facts;
	const char *container; /* name, or NULL */
	uint32_t uid;	       /* who has registered that; 0: root */
	const char *rule;      /* by which it was found to be that container's, or NULL */
	const char *handler;   /* NULL: none was chosen */
	const char *run_in;    /* the same */
	const char *policy;    /* file that decided, or NULL */
	const char *section;   /* of it, "[Key user]", or NULL */
	enum record_result result;
	const char *reason; /* a few words of ours, or NULL */
	uint32_t step;	    /* enum worker_step */
	int error;	    /* positive errno, or 0 */
	int wait_status;
	uint64_t duration_us;
};

struct memory;

/* Whoever wants to know of all, also of those that are suppressed. It must not come back here. */
struct record_watcher {
	void (*offered)(struct record_watcher *watcher, const struct facts *facts,
			const char *container /* or NULL */);
	void (*ended)(struct record_watcher *watcher, const struct record *record);
};

struct records {
	struct ev_loop *loop;
	struct memory *memory;
	struct record_watcher *watcher; /* or NULL */
	ev_timer second;		/* runs while some are suppressed */
	struct record_rates rates;
	uint64_t suppressed;
};

void records_init(struct records *records, struct ev_loop *loop);
void records_stop(struct records *records);
void record_send(struct records *records, const struct record *record);
/* It begins: nothing is written, a watcher is told. */
void record_offered(struct records *records, const struct tags *tags, const char *container);

void facts_from_tags(struct facts *facts, const struct tags *tags);
enum record_result record_result_of(uint32_t outcome /* enum worker_outcome */);
/* In words, or NULL: there is none to tell. */
const char *record_error(const struct record *record);
const char *record_result_name(enum record_result result);
const char *class_name(uint32_t class);

#endif
