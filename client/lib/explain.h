/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Types of answers that more than one file reads. */
#ifndef LIBUPCALL_EXPLAIN_H
#define LIBUPCALL_EXPLAIN_H

#include "object.h"

extern const struct object_type entry_type;
extern const struct object_type record_type;

#endif
