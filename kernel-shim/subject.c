// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an upcall is about
 *
 * `current` is the requester only where the class says so. A key with a domain
 * tag stands for a network namespace, whoever happens to ask; a kernel thread
 * has the initial namespaces and stands for nobody.
 */
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/umh.h>
#include <net/net_namespace.h>

#include "policy.h"
#include "subject.h"
#include "table.h"

static bool unregistered_strict;
module_param_named(strict, unregistered_strict, bool, 0644);
MODULE_PARM_DESC(strict, "refuse upcalls of namespaces that nobody registered (default: off)");

bool subject_judges_unregistered(void)
{
	return READ_ONCE(unregistered_strict) || !adopt_is_empty();
}

static enum upcall_context context_of(const struct task_struct *task)
{
	if (task->flags & PF_WQ_WORKER)
		return UPCALL_CONTEXT_WORKQUEUE;
	if (task->flags & PF_KTHREAD)
		return UPCALL_CONTEXT_KTHREAD;
	return UPCALL_CONTEXT_TASK;
}

/* The key under construction: argv[2] of a key upcall. A reference, or NULL. */
static struct key *key_get_under_construction(const struct subprocess_info *info)
{
	key_serial_t serial;
	key_ref_t ref;

	if (!info->argv || !info->argv[0] || !info->argv[1] || !info->argv[2] ||
	    kstrtos32(info->argv[2], 10, &serial) || serial <= 0)
		return NULL;
	/* PARTIAL: else it waits for the construction that we are part of */
	ref = lookup_user_key(serial, KEY_LOOKUP_PARTIAL, KEY_DEFER_PERM_CHECK);
	return IS_ERR(ref) ? NULL : key_ref_to_ptr(ref);
}

/*
 * Who is to make the key gets a keyring for its session, which has nothing in it yet but
 * the authority to. A reference, or NULL. ATTACK: later others will have added to it.
 */
static struct key *key_get_authority(const struct subprocess_info *info)
{
	struct key *session = info->data;
	key_serial_t serial = 0;
	key_ref_t ref;
	long size;

	down_read(&session->sem);
	size = session->type->read(session, (char *)&serial, sizeof(serial));
	up_read(&session->sem);
	if (size != sizeof(serial))
		return NULL;
	ref = lookup_user_key(serial, KEY_LOOKUP_PARTIAL, KEY_DEFER_PERM_CHECK);
	return IS_ERR(ref) ? NULL : key_ref_to_ptr(ref);
}

/* Under RCU. */
static const struct net *key_net(const struct key *key)
{
	const struct net *net;

	if (!key_has_domain(key))
		return NULL;
	for_each_net_rcu(net)
		if (net->key_domain == key->index_key.domain_tag)
			return net;
	return NULL;
}

/*
 * A request under borrowed credentials is the kernel's: its authority holds the
 * kernel's own key cache, not the task's keys.
 */
static enum upcall_origin key_origin(enum upcall_context context)
{
	if (context == UPCALL_CONTEXT_TASK && current_cred() == current_real_cred())
		return UPCALL_ORIGIN_SYSCALL;
	return UPCALL_ORIGIN_KERNEL;
}

static void match_release(const struct release *release, struct match *match)
{
	enum upcall_scope scope = UPCALL_SCOPE_KTHREAD;

	if (release->entry)
		scope = UPCALL_SCOPE_CONTAINER;
	else if (release->ambiguous)
		scope = UPCALL_SCOPE_AMBIGUOUS;
	match_nobody(match, scope);
	match->entry = release->entry;
}

static void match_subject(struct subject *subject, const struct task_facts *facts,
			  struct match *match)
{
	bool kthread = subject->context != UPCALL_CONTEXT_TASK;
	const struct net *net = subject->key ? key_net(subject->key) : NULL;

	if (net) {
		subject->has_net = true;
		subject->net = net->ns.inum;
		subject->net_cookie = net->net_cookie;
		match_net(net, facts, kthread, subject->origin, match);
	} else if (subject->class == UPCALL_CLASS_RELEASE_AGENT) {
		match_release(&subject->release, match);
	} else if (kthread) {
		/* a tag whose namespace is going: not the host's, and nobody's any more */
		match_nobody(match, subject->key && key_has_domain(subject->key) ?
					    UPCALL_SCOPE_UNREGISTERED :
					    UPCALL_SCOPE_KTHREAD);
	} else {
		match_task(facts, match);
	}
}

/*
 * ATTACK: who is refused for not being registered must not be better off for having
 * registered himself.
 */
static enum upcall_verdict native_verdict(const struct table_entry *entry)
{
	return READ_ONCE(unregistered_strict) && (!entry || entry->owner) ? UPCALL_VERDICT_DENY :
									    UPCALL_VERDICT_NATIVE;
}

/*
 * A kernel-raised key without a domain tag can be given to nobody in a container, because
 * its authority opens the machine's key cache.
 */
static bool is_for_nobody(const struct subject *subject)
{
	return subject->key && subject->origin == UPCALL_ORIGIN_KERNEL && !subject->has_net;
}

static enum upcall_verdict policy_says(const struct subject *subject, enum upcall_verdict verdict)
{
	return verdict == UPCALL_VERDICT_OFFER && is_for_nobody(subject) ? UPCALL_VERDICT_NATIVE :
									   verdict;
}

static enum upcall_verdict container_verdict(const struct subject *subject,
					     struct table_entry *entry, const char *key_type)
{
	enum upcall_verdict verdict =
		policy_says(subject, table_verdict(entry, subject->class, key_type));

	return verdict == UPCALL_VERDICT_NATIVE ? native_verdict(entry) : verdict;
}

/* Under RCU. Registering changes nothing: where none has a policy for it, none is asked. */
static bool claimants_decline(const struct subject *subject, const struct match *match,
			      const char *key_type)
{
	unsigned int i;

	for (i = 0; i < match->claimants; i++)
		if (container_verdict(subject, match->claimant[i], key_type) !=
		    UPCALL_VERDICT_NATIVE)
			return false;
	return match->claimants;
}

/* Under RCU. @facts are of a task that no container owns. */
static enum upcall_verdict unregistered_verdict(struct subject *subject,
						const struct task_facts *facts,
						const char *key_type)
{
	const struct upcall_policy *policy = NULL;
	enum upcall_verdict verdict;

	/* a kernel thread is nowhere, whatever namespace its key's tag tells of */
	if (subject->context == UPCALL_CONTEXT_TASK)
		policy = adopt_find(facts, &subject->adoption);
	if (IS_ERR(policy))
		return UPCALL_VERDICT_DENY;
	verdict = UPCALL_VERDICT_NATIVE;
	if (policy)
		verdict = policy_says(subject, policy_verdict(policy, subject->class, key_type));
	return verdict == UPCALL_VERDICT_NATIVE ? native_verdict(NULL) : verdict;
}

static enum upcall_verdict verdict_of(struct subject *subject, const struct task_facts *facts,
				      const struct match *match)
{
	const char *key_type = subject->key ? subject->key->type->name : NULL;
	enum upcall_verdict verdict = UPCALL_VERDICT_NATIVE;

	if (subject->infrastructure)
		return UPCALL_VERDICT_NATIVE;
	switch (subject->scope) {
	case UPCALL_SCOPE_HOST:
	case UPCALL_SCOPE_KTHREAD:
		return UPCALL_VERDICT_NATIVE;
	case UPCALL_SCOPE_UNREGISTERED:
		verdict = unregistered_verdict(subject, facts, key_type);
		break;
	case UPCALL_SCOPE_AMBIGUOUS:
		/* somebody's that registered, but whose? The broker refuses and records. */
		return claimants_decline(subject, match, key_type) ? UPCALL_VERDICT_NATIVE :
								     UPCALL_VERDICT_OFFER;
	case UPCALL_SCOPE_CONTAINER:
		verdict = container_verdict(subject, match->entry, key_type);
		/* deleted while we looked: it was registered when this was raised */
		if (verdict != UPCALL_VERDICT_NATIVE && !subject->entry)
			return UPCALL_VERDICT_DENY;
		break;
	}
	/* which key it is cannot be told */
	if (verdict == UPCALL_VERDICT_OFFER && subject->class == UPCALL_CLASS_KEY && !subject->key)
		return UPCALL_VERDICT_DENY;
	/* nobody could be registered for it: the broker could do nothing else, either */
	if (verdict == UPCALL_VERDICT_OFFER && !subject->entry && !subject->adoption.leader)
		return UPCALL_VERDICT_DENY;
	return verdict;
}

void subject_init(struct subject *subject, const struct subprocess_info *info,
		  unsigned long caller)
{
	struct task_facts facts;
	struct match match;

	memset(subject, 0, sizeof(*subject));
	subject->class = class_of(info, caller, &subject->infrastructure);
	subject->context = context_of(current);
	if (subject->class == UPCALL_CLASS_KEY) {
		subject->key = key_get_under_construction(info);
		subject->origin = key_origin(subject->context);
	}
	if (subject->class == UPCALL_CLASS_RELEASE_AGENT)
		release_find(&subject->release);
	rcu_read_lock();
	task_facts_get(current, &facts);
	subject->cgroup_id = facts.cgroup_id;
	match_subject(subject, &facts, &match);
	subject->scope = match.scope;
	subject->strong = match.strong;
	subject->entry = table_entry_get(match.entry);
	subject->verdict = verdict_of(subject, &facts, &match);
	if (match.scope == UPCALL_SCOPE_CONTAINER && !subject->entry)
		subject->scope = UPCALL_SCOPE_UNREGISTERED;
	rcu_read_unlock();
	if (subject->key && subject->verdict != UPCALL_VERDICT_NATIVE && preemptible())
		subject->authority = key_get_authority(info);
}

void subject_init_again(struct subject *subject, const struct subprocess_info *info,
			unsigned long caller)
{
	unsigned long begun = subject->begun;
	unsigned int stood = subject->stood;

	subject_init(subject, info, caller);
	subject->again = true;
	subject->begun = begun;
	subject->stood = stood;
}

void subject_release(struct subject *subject)
{
	key_put(subject->key);
	key_put(subject->authority);
	release_clear(&subject->release);
	table_entry_put(subject->entry);
}
