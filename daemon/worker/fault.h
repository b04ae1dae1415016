/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests let a step of the entry fail; what is installed has no such switch. */
#ifndef UPCALL_WORKER_FAULT_H
#define UPCALL_WORKER_FAULT_H

#include <errno.h>

#include "worker.h"

#ifdef UPCALL_FAULT_INJECTION
extern enum worker_step fault_step; /* --fail-step */

static inline int fault_at(enum worker_step step)
{
	return fault_step != WORKER_STEP_NONE && fault_step == step ? -EIO : 0;
}
#else
static inline int fault_at(enum worker_step step)
{
	(void)step;
	return 0;
}
#endif

#endif
