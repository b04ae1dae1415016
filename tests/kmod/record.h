/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of each upcall that was raised. */
#ifndef UPCALL_RAISER_RECORD_H
#define UPCALL_RAISER_RECORD_H

#include <linux/kref.h>
#include <linux/types.h>

struct seq_file;

/* What one write asked for. Its words are the helper's argv: they outlive every helper. */
struct command {
	struct kref refs;
	char **words; /* MODE CONTEXT COUNT PATH [ARG...] NULL */
	int wait;     /* UMH_* */
	unsigned int context;
	unsigned int count;
};

void command_free(struct kref *refs);

int records_init(void);
void records_exit(void);
/* -EBUSY: upcalls are being raised, or have not been cleaned up. */
int records_reset(void);

/* Held while upcalls are raised or records are read: no reset meanwhile. */
void records_lock(void);
void records_unlock(void);

void records_show_totals(struct seq_file *seq);
/* False: there is none of that number. */
bool record_exists(loff_t number);
void record_show(struct seq_file *seq, loff_t number);

/*
 * Raise one. Returns 0 whatever became of it, or -ENOSPC, -ENOMEM if it was not raised.
 * Not sleeping where the caller says GFP_ATOMIC and UMH_NO_WAIT.
 */
int record_raise(struct command *command, gfp_t gfp);

#endif
