/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a child of the worker says on its pipe: short, whole, in order.
 *
 * The pipe is close-on-exec: its end without a failure before it means that the
 * program was executed.
 */
#ifndef UPCALL_WORKER_REPORT_H
#define UPCALL_WORKER_REPORT_H

#include <stdint.h>

#include "worker.h"

enum report_kind {
	REPORT_ATTACHED = 1, /* the upcall is the child's now */
	REPORT_FAILED,	     /* step; value: positive errno */
	REPORT_BORN,	     /* value: pid of who goes on, in the container */
	REPORT_ENTERED,	     /* a visit's: all that is left is to execute its command */
	REPORT_FILTERED,     /* the container's filters let it report */
};

struct report {
	uint32_t kind;
	uint32_t step;
	int32_t value;
};

/* Both ends close-on-exec, the reading one non-blocking. */
int report_open(int *ret_read, int *ret_write);
int report_send(int fd, enum report_kind kind, enum worker_step step, int value);
/* 1: one report; 0: the end; -EAGAIN: none yet; -EBADMSG: not one of ours. */
int report_receive(int fd, struct report *ret);

#endif
