// SPDX-License-Identifier: GPL-2.0-only
/*
 * Encoding of tags
 *
 * What an upcall is about is read from kernel objects in the context that raises it,
 * while the caller of call_usermodehelper_exec() keeps them alive. Only
 * tags_put_process() reads another task, under RCU. Texts are copied
 * as they are: bytes, not meaning.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/key-type.h>
#include <linux/key.h>
#include <linux/seccomp.h>
#include <linux/umh.h>
#include <linux/user_namespace.h>
#include <net/netlink.h>

#include "adopt.h"
#include "compat.h"
#include "match.h"
#include "subject.h"
#include "table.h"
#include "tags.h"

/* All attributes of fixed size together, with room to spare. */
#define TAGS_FIXED_SIZE 768

static size_t strings_size(char *const *strings)
{
	size_t size = 0;

	for (; strings && *strings; strings++)
		size += strlen(*strings) + 1;
	return size;
}

static int strings_put(struct sk_buff *skb, int type, char *const *strings)
{
	size_t size = strings_size(strings);
	struct nlattr *attr;
	char *out;

	if (!strings)
		return 0;
	if (size > U16_MAX - NLA_HDRLEN)
		return -EMSGSIZE;
	attr = nla_reserve(skb, type, size);
	if (!attr)
		return -EMSGSIZE;
	/* one of them may be a sysctl's buffer, which is written while we read */
	out = nla_data(attr);
	memset(out, 0, size);
	for (; *strings && size; strings++) {
		size_t length = strnlen(*strings, size - 1);

		memcpy(out, *strings, length);
		out += length + 1;
		size -= length + 1;
	}
	return 0;
}

/* The path that a release agent is told, or NULL. A container's is that from its own root. */
static const char *release_cgroup(const struct subprocess_info *info, const struct subject *subject)
{
	if (subject->class != UPCALL_CLASS_RELEASE_AGENT || !info->argv || !info->argv[0])
		return NULL;
	return subject->release.path ?: info->argv[1];
}

size_t tags_size(const struct subprocess_info *info, const struct subject *subject)
{
	size_t size = TAGS_FIXED_SIZE + strlen(info->path) + strings_size(info->argv) +
		      strings_size(info->envp);

	if (subject->key)
		size += strlen(subject->key->type->name) + strlen(subject->key->description);
	if (release_cgroup(info, subject))
		size += strlen(release_cgroup(info, subject));
	return size;
}

static int namespaces_put(struct sk_buff *skb, const struct task_facts *facts)
{
	struct nlattr *nest = nla_nest_start(skb, UPCALL_A_NS);
	int i;

	if (!nest)
		return -EMSGSIZE;
	/* enum upcall_ns_attr follows enum upcall_ns */
	for (i = 0; i < UPCALL_NS_COUNT; i++)
		if (facts->ns[i] && nla_put_u32(skb, UPCALL_NS_A_PID + i, facts->ns[i]))
			return -EMSGSIZE;
	if (facts->net_cookie &&
	    nla_put_u64_64bit(skb, UPCALL_NS_A_NET_COOKIE, facts->net_cookie, UPCALL_NS_A_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/*
 * RACE: who is not current was found as the leader of a process. If another thread of it executes a
 * program meanwhile, that one is his group_leader, and nothing keeps it.
 */
static u64 process_start(const struct task_struct *task)
{
	return task == current ? task->group_leader->start_boottime : task->start_boottime;
}

static int task_put(struct sk_buff *skb, struct task_struct *task, const struct task_facts *facts)
{
	const struct cred *cred = __task_cred(task);
	char comm[TASK_COMM_LEN];

	/* as get_task_comm() of 6.13: without task_lock(), see task_facts_get() */
	strscpy_pad(comm, task->comm, sizeof(comm));
	if (nla_put_u32(skb, UPCALL_A_TID, task_pid_nr(task)) ||
	    nla_put_u32(skb, UPCALL_A_TGID, task_tgid_nr(task)) ||
	    nla_put_u64_64bit(skb, UPCALL_A_START_TIME, process_start(task), UPCALL_A_PAD) ||
	    nla_put_string(skb, UPCALL_A_COMM, comm) ||
	    nla_put_u32(skb, UPCALL_A_UID, from_kuid_munged(&init_user_ns, cred->uid)) ||
	    nla_put_u32(skb, UPCALL_A_GID, from_kgid_munged(&init_user_ns, cred->gid)) ||
	    nla_put_u64_64bit(skb, UPCALL_A_CGROUP_ID, facts->cgroup_id, UPCALL_A_PAD))
		return -EMSGSIZE;
	return namespaces_put(skb, facts);
}

static int adoption_put(struct sk_buff *skb, const struct adoption *adoption)
{
	struct nlattr *nest = nla_nest_start(skb, UPCALL_A_ADOPTION);

	if (!nest || nla_put_u64_64bit(skb, UPCALL_ADOPTION_A_CGROUP_ID, adoption->cgroup_id,
				       UPCALL_ADOPTION_A_PAD))
		return -EMSGSIZE;
	if (adoption->leader &&
	    (nla_put_u32(skb, UPCALL_ADOPTION_A_LEADER, adoption->leader) ||
	     nla_put_u64_64bit(skb, UPCALL_ADOPTION_A_START_TIME, adoption->start_time,
			       UPCALL_ADOPTION_A_PAD)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int owner_put(struct sk_buff *skb, enum upcall_scope scope, const struct table_entry *entry,
		     const struct adoption *adoption)
{
	if (nla_put_u32(skb, UPCALL_A_SCOPE, scope))
		return -EMSGSIZE;
	if (entry && nla_put_u64_64bit(skb, UPCALL_A_CONTAINER, entry->id, UPCALL_A_PAD))
		return -EMSGSIZE;
	return adoption->cgroup_id ? adoption_put(skb, adoption) : 0;
}

/* Under RCU. A version 1 hierarchy holds limits too, which who forks a helper must share. */
static bool cgroup1_differs(struct task_struct *task)
{
	int i;

	for (i = 0; i < CGROUP_SUBSYS_COUNT; i++) {
		struct cgroup *cgroup = task_cgroup(task, i);

		if (cgroup->root != &cgrp_dfl_root && cgroup != task_cgroup(current, i))
			return true;
	}
	return false;
}

/* Under RCU. Asked for, of it or of one above: its tasks need not all have stopped. */
static bool cgroup_freezes(struct task_struct *task)
{
	return READ_ONCE(task_dfl_cgroup(task)->freezer.e_freeze);
}

static int helper_ids_put(struct sk_buff *skb, const struct cred *cred)
{
	uid_t uid = 0;
	gid_t gid = 0;

	if (!uid_valid(make_kuid(cred->user_ns, 0)))
		uid = from_kuid(cred->user_ns, cred->euid);
	if (!gid_valid(make_kgid(cred->user_ns, 0)))
		gid = from_kgid(cred->user_ns, cred->egid);
	if (uid != (uid_t)-1 && nla_put_u32(skb, UPCALL_HELPER_A_UID, uid))
		return -EMSGSIZE;
	if (gid != (gid_t)-1 && nla_put_u32(skb, UPCALL_HELPER_A_GID, gid))
		return -EMSGSIZE;
	return 0;
}

/* Under RCU. */
static int helper_put(struct sk_buff *skb, struct task_struct *task)
{
	const struct cred *cred = __task_cred(task);
	struct nlattr *nest = nla_nest_start(skb, UPCALL_A_HELPER);

	if (!nest || helper_ids_put(skb, cred) ||
	    nla_put_u64_64bit(skb, UPCALL_HELPER_A_BSET, compat_cap_bits(cred->cap_bset),
			      UPCALL_HELPER_A_PAD) ||
	    nla_put_u32(skb, UPCALL_HELPER_A_NO_NEW_PRIVS, task_no_new_privs(task)) ||
	    nla_put_u32(skb, UPCALL_HELPER_A_SECCOMP, seccomp_mode(&task->seccomp)) ||
	    nla_put_u32(skb, UPCALL_HELPER_A_CGROUP1, cgroup1_differs(task)) ||
	    nla_put_u32(skb, UPCALL_HELPER_A_FROZEN, cgroup_freezes(task)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int tags_put_process(struct sk_buff *skb, struct task_struct *task)
{
	struct adoption adoption = {};
	struct task_facts facts;
	struct match match;
	int ret;

	rcu_read_lock();
	task_facts_get(task, &facts);
	match_task(&facts, &match);
	if (match.scope == UPCALL_SCOPE_UNREGISTERED && IS_ERR(adopt_find(&facts, &adoption)))
		adoption.cgroup_id = 0;
	ret = task_put(skb, task, &facts);
	if (!ret)
		ret = owner_put(skb, match.scope, match.entry, &adoption);
	if (!ret)
		ret = helper_put(skb, task);
	rcu_read_unlock();
	return ret;
}

static int key_put_tags(struct sk_buff *skb, const struct subject *subject)
{
	const struct key *key = subject->key;
	struct nlattr *nest;

	if (!key)
		return 0;
	nest = nla_nest_start(skb, UPCALL_A_KEY);
	if (!nest || nla_put_s32(skb, UPCALL_KEY_A_SERIAL, key->serial) ||
	    nla_put_string(skb, UPCALL_KEY_A_TYPE, key->type->name) ||
	    nla_put_string(skb, UPCALL_KEY_A_DESCRIPTION, key->description) ||
	    nla_put_u32(skb, UPCALL_KEY_A_ORIGIN, subject->origin))
		return -EMSGSIZE;
	if (subject->has_net &&
	    (nla_put_u32(skb, UPCALL_KEY_A_NET, subject->net) ||
	     nla_put_u64_64bit(skb, UPCALL_KEY_A_NET_COOKIE, subject->net_cookie,
			       UPCALL_KEY_A_PAD)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int core_put_tags(struct sk_buff *skb, const struct subprocess_info *info)
{
	const struct coredump_params *params = info->data;
	struct nlattr *nest = nla_nest_start(skb, UPCALL_A_CORE);

	if (!nest || nla_put_u32(skb, UPCALL_CORE_A_SIGNAL, params->siginfo->si_signo) ||
	    nla_put_u32(skb, UPCALL_CORE_A_DUMP_MODE, compat_dump_mode(params)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int class_put_tags(struct sk_buff *skb, const struct subject *subject,
			  const struct subprocess_info *info)
{
	const char *cgroup = release_cgroup(info, subject);

	if (subject->class == UPCALL_CLASS_KEY)
		return key_put_tags(skb, subject);
	if (subject->class == UPCALL_CLASS_CORE)
		return core_put_tags(skb, info);
	return cgroup ? nla_put_string(skb, UPCALL_A_RELEASE_CGROUP, cgroup) : 0;
}

/* Nothing of an upcall that never was in the queue. */
static int queue_put(struct sk_buff *skb, const struct tags_upcall *upcall)
{
	if (!upcall->id)
		return 0;
	if (nla_put_u64_64bit(skb, UPCALL_A_ID, upcall->id, UPCALL_A_PAD) ||
	    nla_put_u32(skb, UPCALL_A_DEPTH, upcall->depth))
		return -EMSGSIZE;
	if (upcall->parent &&
	    nla_put_u64_64bit(skb, UPCALL_A_PARENT, upcall->parent, UPCALL_A_PAD))
		return -EMSGSIZE;
	return 0;
}

static int head_put(struct sk_buff *skb, const struct tags_upcall *upcall,
		    const struct subject *subject)
{
	if (queue_put(skb, upcall) || nla_put_u32(skb, UPCALL_A_CLASS, subject->class) ||
	    nla_put_u32(skb, UPCALL_A_WAIT, upcall->wait) ||
	    nla_put_u32(skb, UPCALL_A_CONTEXT, subject->context))
		return -EMSGSIZE;
	return owner_put(skb, subject->scope, subject->entry, &subject->adoption);
}

int tags_put_upcall(struct sk_buff *skb, const struct tags_upcall *upcall,
		    const struct subject *subject, const struct subprocess_info *info)
{
	struct task_facts facts;
	int ret;

	ret = head_put(skb, upcall, subject);
	if (ret)
		return ret;
	rcu_read_lock();
	task_facts_get(current, &facts);
	ret = task_put(skb, current, &facts);
	rcu_read_unlock();
	if (ret || nla_put_string(skb, UPCALL_A_PATH, info->path) ||
	    strings_put(skb, UPCALL_A_ARGV, info->argv) ||
	    strings_put(skb, UPCALL_A_ENVP, info->envp))
		return -EMSGSIZE;
	return class_put_tags(skb, subject, info);
}
