/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the steps of entering a container, for the record and for upcallctl. */
#ifndef UPCALLD_STEP_H
#define UPCALLD_STEP_H

#include "worker.h"

/* "" for WORKER_STEP_NONE, "unknown" for a number that is none. */
const char *step_name(uint32_t step);

#endif
