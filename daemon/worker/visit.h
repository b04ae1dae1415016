/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A visit: an administrator's command in a container, instead of a handler
 *
 * The table of steps of enter.c is the same; there is no upcall, so there is no
 * ATTACH. What the command reads and prints are sockets, never files of the
 * visitor's: a terminal takes input from whoever holds it (TIOCSTI,
 * CVE-2017-5226), a directory is a way out, a file may be opened again.
 */
#ifndef UPCALL_WORKER_VISIT_H
#define UPCALL_WORKER_VISIT_H

#include <stdbool.h>
#include <stddef.h>

#include "command.h"
#include "loop.h"
#include "worker.h"

struct request;

struct visit {
	struct watch channel; /* owns its fd; -1: no visit, or the visitor has gone */
	int fds[3];	      /* owned: what becomes 0, 1 and 2, or -1 */
	char *arguments;
	size_t size; /* of them */
};

#define VISIT_NULL ((struct visit){ .channel = WATCH_NULL, .fds = { -1, -1, -1 } })

/* Consumes the channel, also where there is no room to watch it. */
void visit_take(struct request *request, int channel_fd);
/*
 * Read from the channel what to run. -EUSERS: there are WORKER_VISITS already;
 * -EAGAIN: nothing there; -EBADMSG: no arguments, or no absolute path first;
 * -ENOTSOCK: an fd that no visitor gets for his command.
 */
int visit_start(struct request *request);
/* What is executed, with `ours` a program of ours; its strings are the visit's. */
int visit_command(const struct visit *visit, bool ours, struct command *ret);
/* The visitor's result, if he is still there. */
void visit_tell(const struct visit *visit, const struct worker_result *result);
void visit_clear(struct visit *visit, struct loop *loop);

#endif
