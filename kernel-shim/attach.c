// SPDX-License-Identifier: GPL-2.0-only
/*
 * ATTACH
 *
 * What the kernel's own helper process would do between its birth and its exec
 * is done by the process that calls: the init function of whoever raised the
 * upcall runs in it, with fresh credentials that are then committed. So the
 * shim needs no code per kind of upcall.
 *
 * init() replaces fds 0 and 3 of its process behind everybody's back and
 * commit_creds() takes no borrowed credentials; hence the checks.
 */
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/umh.h>
#include <linux/user_namespace.h>

#include "compat.h"
#include "handle.h"
#include "match.h"
#include "table.h"
#include "upcall_object.h"

/* A process of its own, with its own credentials and its own files. */
static bool process_is_plain(void)
{
	if (current->flags & (PF_KTHREAD | PF_EXITING | COMPAT_PF_WORKERS))
		return false;
	if (rcu_access_pointer(current->cred) != rcu_access_pointer(current->real_cred))
		return false;
	return thread_group_empty(current) && atomic_read(&current->files->count) == 1;
}

static bool fd_is_taken(unsigned int fd)
{
	struct file *file = fget_raw(fd);

	if (file)
		fput(file);
	return file;
}

/*
 * A core dump's init() replaces fds 0 and 3. What it would close there might be
 * the file that this call has only borrowed from the table, or one whose flush
 * waits for somebody's file server while the requester cannot be killed.
 */
static bool fds_are_free(const struct upcall *upcall)
{
	return upcall->class != UPCALL_CLASS_CORE || (!fd_is_taken(0) && !fd_is_taken(3));
}

/*
 * A key's authority may enter a container only if it is that of a task in it:
 * it lets its holder search the requester's keyrings, and for a request that
 * the kernel made for itself these are the machine's key cache. A process of
 * the host that has only joined a mount or network namespace is not in it.
 */
static bool key_may_enter(const struct upcall *upcall)
{
	return upcall->class != UPCALL_CLASS_KEY ||
	       (upcall->origin == UPCALL_ORIGIN_SYSCALL && upcall->strong &&
		user_ns_within(upcall->user_ns, upcall->entry->user_ns));
}

/* Of the host, or of the upcall's own container; nobody else's. */
static bool place_is_allowed(const struct upcall *upcall)
{
	struct task_facts facts;
	struct match match;
	bool same;

	rcu_read_lock();
	task_facts_get(current, &facts);
	match_task(&facts, &match);
	same = match.scope == UPCALL_SCOPE_CONTAINER && match.entry == upcall->entry;
	rcu_read_unlock();
	if (match.scope == UPCALL_SCOPE_HOST)
		return true;
	return same && key_may_enter(upcall);
}

/* A subset of what was: commit_creds() has no reason to make its process dumpable. */
static void cred_cut(struct cred *cred, kernel_cap_t allowed)
{
	cred->cap_bset = cap_intersect(cred->cap_bset, allowed);
	cred->cap_permitted = cap_intersect(cred->cap_permitted, allowed);
	cred->cap_effective = cap_intersect(cred->cap_effective, allowed);
	cred->cap_inheritable = compat_cap_set(0);
	cred->cap_ambient = compat_cap_set(0);
}

static int init_run(struct upcall *upcall, struct cred *new, u64 capabilities)
{
	struct subprocess_info *info = upcall->info;
	int ret = 0;

	/* none: it is detached, and has no init() */
	if (info && info->init)
		ret = info->init(info, new);
	if (ret) {
		abort_creds(new);
		return ret;
	}
	/* ORDER: after init(), whose credentials these are too */
	cred_cut(new, compat_cap_set(capabilities));
	commit_creds(new);
	return 0;
}

int attach_current(struct upcall *upcall, u32 generation, u64 capabilities)
{
	struct cred *new;
	int ret;

	if (!process_is_plain() || !place_is_allowed(upcall))
		return -EPERM;
	if (!fds_are_free(upcall))
		return -EBADF;
	/* of ourselves, without keyrings: as the kernel's own helper gets them */
	new = prepare_kernel_cred(current);
	if (!new)
		return -ENOMEM;
	/* ORDER: nothing has happened yet, and who has failed so far may try again */
	ret = upcall_attach_begin(upcall, generation);
	if (ret) {
		abort_creds(new);
		return ret;
	}
	ret = init_run(upcall, new, capabilities);
	upcall_attach_end(upcall, ret ? EIO : 0);
	return ret;
}
