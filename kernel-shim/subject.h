/* SPDX-License-Identifier: GPL-2.0-only */
/* What an upcall is about, whose it is, what the table says of it, and its refusal. */
#ifndef UPCALL_SHIM_SUBJECT_H
#define UPCALL_SHIM_SUBJECT_H

#include <linux/key-type.h>
#include <linux/key.h>
#include <linux/types.h>

#include "adopt.h"
#include "match.h"
#include "release.h"

struct subprocess_info;
struct table_entry;
struct work_struct;

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
	struct adoption adoption;  /* of whom nobody has registered, and a rule is about */

	/* class key */
	struct key *key;       /* reference, or NULL */
	struct key *authority; /* the same, to instantiate it; of what is not native */
	enum upcall_origin origin;
	bool has_net; /* its domain tag was found */
	u32 net;
	u64 net_cookie;

	struct release release; /* class release-agent */

	bool again;	     /* it was offered before, when nobody owned it */
	unsigned long begun; /* in jiffies: when that began, less what the machine stood since */
	unsigned int stood;  /* and how often it did */
};

void subject_init(struct subject *subject, const struct subprocess_info *info,
		  unsigned long caller);
/* Anew, of the same upcall: what may have changed is who owns it. */
void subject_init_again(struct subject *subject, const struct subprocess_info *info,
			unsigned long caller);
/* Is it more than native, maybe, what nobody registered? Then an empty table says nothing. */
bool subject_judges_unregistered(void);

/* Nobody's, and a rule says that it may be offered: with a container that can be registered. */
static inline bool subject_is_adoptable(const struct subject *subject)
{
	return subject->verdict == UPCALL_VERDICT_OFFER &&
	       subject->scope == UPCALL_SCOPE_UNREGISTERED;
}

/* Who raises it goes on at once: see release.c. */
static inline bool subject_is_detached(const struct subject *subject)
{
	return subject->class == UPCALL_CLASS_RELEASE_AGENT;
}

/* It is of one network: of its mounts, not of who asks. */
static inline bool key_has_domain(const struct key *key)
{
	return key->type->flags & KEY_TYPE_NET_DOMAIN;
}

void subject_release(struct subject *subject);

/**
 * class_of - class of an upcall, told by kernel code addresses (class.c)
 * @info: the caller's
 * @caller: where call_usermodehelper_exec() returns to
 * @infrastructure: set if it is one that no policy may touch, because the
 *	machine's state, or a lock that everybody needs, hangs on it
 */
enum upcall_class class_of(const struct subprocess_info *info, unsigned long caller,
			   bool *infrastructure);

/* Is it the work that runs a release agent, that of a cgroup? */
bool class_is_release_work(const struct work_struct *work);

/**
 * result_refused - make the refusal of an upcall (result.c)
 * @wait: UMH_* as the caller gave it
 * @error: positive errno; EINTR: the requester was killed
 *
 * Returns what call_usermodehelper_exec() is to return. For a key it rejects
 * the key too, which may sleep.
 */
int result_refused(const struct subject *subject, int wait, int error);
/*
 * An answered or refused key is nobody's but its requester's. May sleep.
 */
void result_keep_private(const struct subject *subject);
/* Nobody is refused any more: undoes what refusals have done for some seconds. */
void result_exit(void);

#endif
