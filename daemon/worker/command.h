/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a handler is executed with. */
#ifndef UPCALL_WORKER_COMMAND_H
#define UPCALL_WORKER_COMMAND_H

#include "tags.h"
#include "worker.h"

/* Strings point into the request, the tags' buffer and `owned`. */
struct command {
	const char *path; /* in the handler's root; NULL: the dns builtin */
	const char **argv;
	const char **envp;
	char *owned[4];
};

#define COMMAND_NULL ((struct command){ 0 })

/* -EBADMSG, -ENOMEM; -ENOEXEC: there is no absolute path to execute. */
int command_build(const struct worker_request *request, const struct tags *tags,
		  struct command *ret);
void command_clear(struct command *command);

#endif
