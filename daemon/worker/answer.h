/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answerer: the host's half of a key that is answered from a container
 *
 * The kernel's own key requests carry its global key cache in their authority,
 * so the program in the container only prints. This process, on the host, takes
 * the text, judges its form, and only then ATTACHes and instantiates.
 */
#ifndef UPCALL_WORKER_ANSWER_H
#define UPCALL_WORKER_ANSWER_H

#include "tags.h"

struct answer {
	const struct tags_key *key;
	int upcall_fd;
	int data_fd;	/* what the handler prints */
	int control_fd; /* one byte: the handler has ended with 0 */
	int null_fd;
	int report_fd;
};

/* In a child of the worker. Exit status 0: the key is instantiated. */
_Noreturn void answer_run(struct answer *answer);

#endif
