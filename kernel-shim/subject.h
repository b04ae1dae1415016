/* SPDX-License-Identifier: GPL-2.0-only */
/* What an upcall is about, whose it is, and what the table says of it. */
#ifndef UPCALL_SHIM_SUBJECT_H
#define UPCALL_SHIM_SUBJECT_H

#include <linux/types.h>

#include "match.h"

struct key;
struct subprocess_info;
struct table_entry;

/* Lives on the requester's stack while its upcall is decided and encoded. */
struct subject {
	enum upcall_class class;
	bool infrastructure;
	enum upcall_context context;
	enum upcall_scope scope;
	enum upcall_verdict verdict;
	struct table_entry *entry; /* reference, or NULL */
	bool strong;		   /* see struct match */
	u64 cgroup_id;		   /* the requester's */

	/* class key */
	struct key *key; /* reference, or NULL */
	enum upcall_origin origin;
	bool has_net; /* its domain tag was found */
	u32 net;
	u64 net_cookie;
};

void subject_init(struct subject *subject, const struct subprocess_info *info,
		  unsigned long caller);
/* Are unregistered namespaces refused? Then an empty table says nothing. */
bool subject_strict(void);

/* Raised for nobody but the task itself, as far as its credentials tell. */
bool subject_is_own(const struct subject *subject);

void subject_release(struct subject *subject);

/* The key under construction: argv[2] of a key upcall. A reference, or NULL. */
struct key *subject_key_get(const struct subprocess_info *info);

#endif
