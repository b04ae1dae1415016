/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose upcall it is
 *
 * The shim looks that up, from kernel objects, where they cannot change under
 * it, and says which entry it was. Here it is only accepted: an entry that we do
 * not know, or several at once, is nobody's, and nobody's is refused.
 */
#ifndef UPCALLD_OWNER_H
#define UPCALLD_OWNER_H

#include "registry.h"
#include "tags.h"

struct owner {
	struct container *container; /* NULL: refuse */
	const char *rule;	     /* by what it was looked up, for the record */
	const char *reason;	     /* why it is refused */
};

struct owner owner_of(const struct registry *registry, const struct tags *tags);

#endif
