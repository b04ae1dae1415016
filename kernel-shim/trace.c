// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints' one definition. */
#include "table.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
