/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An upcall: one object, one table of transitions, one ending
 *
 * The requester's side is offer.c, the handler's is handler.c.
 *
 * Lock order of the whole module, outer ones first:
 *
 *   table_mutex > task_lock()               a leader's facts, by tombstone_is()
 *   table_mutex > wait_pidfd.lock           tombstone_watch(), tombstone_unwatch()
 *   table_mutex > the kernel's own locks    of cgroups: table_del_empty(); of workqueues; of
 *                                           an XArray, and reclaim: table_insert()
 *   tasklist_lock > wait_pidfd.lock         the kernel's, when a process has ended
 *   wait_pidfd.lock > upcall.lock           handler_wake()
 *   upcall.lock > queue_lock                queue_set_state()
 *   upcall.lock > the kernel's own locks    of a completion, with it the scheduler's;
 *                                           of timers and workqueues: deadlines
 *   wait_pidfd.lock > timers, workqueues    leader_wake(), handler_wake()
 *   kept_lock > timers, workqueues          refused keys: result.c
 *
 * task_lock() is also taken alone, by all that ask for another task's facts; with
 * interrupts or bottom halves off it is tried only, as who holds it has them on.
 * The kernel's locks of keys, of its cgroup hierarchy and of usermodehelpers are taken with none
 * of ours held: result.c, subject.c, release.c, hook.c.
 * The listeners_lock, cores_lock, adopt_mutex and the siglock in suspend.c are leaves: no lock of
 * ours is held around them, and none is taken inside. Nor is any inside queue_lock.
 *
 * handler_wake() is called with interrupts off, under tasklist_lock, which is also
 * taken in interrupts. So whoever takes upcall.lock or queue_lock has them off; all
 * others are called with interrupts on, so only handler_wake() has to save them. And
 * nothing but spinlocks and the requester's wake-up is inside. No lock is held over
 * init(), sends or wake-ups of pollers.
 */
#ifndef UPCALL_SHIM_UPCALL_OBJECT_H
#define UPCALL_SHIM_UPCALL_OBJECT_H

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "upcall.h"

struct pid;
struct sk_buff;
struct subject;
struct subprocess_info;
struct table_entry;
struct user_namespace;

struct upcall {
	/* set before it can be found, constant then */
	struct kref refs;
	u64 id;
	u64 created;	     /* CLOCK_BOOTTIME, ns: for people */
	enum upcall_class class;
	enum upcall_origin origin;
	bool strong;	/* see struct match */
	u64 adopt_cgroup; /* of one that is adoptable: see struct adoption; else 0 */
	int wait;	/* UMH_* */
	u32 depth;
	struct table_entry *entry;	/* reference, or NULL */
	struct user_namespace *user_ns; /* reference: the requester's own */
	struct sk_buff *tags;		/* attributes; only the generation changes */

	bool detached;			/* nobody waits for it, see release.c */
	bool again;			/* it has had a turn, as nobody's */
	/* the waiter's, except that ATTACHING lends it to the process that attaches */
	struct subprocess_info *info;

	spinlock_t lock; /* all below, down to look */
	enum upcall_state state;
	u32 generation;
	unsigned int requeues;
	u32 run_ms;		/* what its claim said */
	unsigned long begun;	/* jiffies, which stand while the machine is suspended */
	bool overdue;		/* a deadline of ours has ended it */
	int error;		/* answer: positive errno, or 0 */
	int status;		/* answer without error: what the helper's wait status is */
	/*
	 * Watch is on handler->wait_pidfd and holds a reference. Set unlocked, before
	 * it is put there, and nobody looks who has not found it there, or RUNNING.
	 */
	bool watched;
	/* these two are written once, in ATTACHING, by the process itself; readers need no lock */
	struct pid *handler;	/* reference */
	u64 handler_cgroup;	/* where it attached */
	unsigned long deadline; /* jiffies, with deadline_work pending */
	unsigned int stood;	/* so often has the machine, under its deadlines */
	unsigned long looked;	/* it was set or looked at, and is again then: times.c */
	unsigned long look;

	struct completion answered; /* the waiter may go on; completed under lock */
	wait_queue_head_t poll;	    /* its claim no longer stands */
	wait_queue_head_t attached; /* it is not ATTACHING any more */
	wait_queue_entry_t watch;
	struct delayed_work deadline_work;

	struct list_head link; /* queue, until it has ended */
};

int upcall_init(void);
void upcall_exit(void);

void upcall_get(struct upcall *upcall);
void upcall_put(struct upcall *upcall);

bool upcall_state_is_final(enum upcall_state state);

/* Transitions. -ESTALE: another generation, or not in a state that allows it. */
int upcall_claim(struct upcall *upcall, u32 generation, u32 claimed_ms);
void upcall_unclaim(struct upcall *upcall, u32 generation);
/* To the kernel's own. -EINVAL: it is detached, and nobody is left who could start it. */
int upcall_give_back(struct upcall *upcall, u32 generation);
int upcall_refuse(struct upcall *upcall, u32 generation, u32 error);
/* Back to its requester, for whom the table decides once more. -EINVAL: not adoptable. */
int upcall_again(struct upcall *upcall, u32 generation);
int upcall_complete(struct upcall *upcall, u32 generation, u32 error);
/* From whatever state, for an administrator; the helper is killed. -EBUSY: it is attaching. */
int upcall_cancel(struct upcall *upcall, u32 generation, u32 error);
int upcall_attach_begin(struct upcall *upcall, u32 generation);
void upcall_attach_end(struct upcall *upcall, int error);

/* True: this generation's claim, or its ATTACH, still stands. */
bool upcall_claim_stands(struct upcall *upcall, u32 generation);

/*
 * For offer.c and handler.c, and what these and times.c do
 */

enum offer_result {
	OFFER_ANSWERED, /* *@ret is what call_usermodehelper_exec() is to return */
	OFFER_NATIVE,	/* to be left to the kernel's own usermodehelper */
	OFFER_AGAIN,	/* to be decided once more */
	OFFER_REFUSED,	/* not offered; *@ret is the positive errno to refuse it with */
};

/*
 * Offer an upcall, and wait for its ending, where anybody waits. @info stays the caller's, as it
 * was. What may be offered again has in @subject the time that it has had.
 */
enum offer_result upcall_offer(struct subprocess_info *info, int wait, struct subject *subject,
			       int *ret);

/* In the queue but not yet offered; or an error. */
struct upcall *upcall_new(struct subprocess_info *info, int wait, const struct subject *subject);
void upcall_begin(struct upcall *upcall); /* offers it */

/*
 * The one place that ends an upcall, under its lock. Pollers are woken by the
 * caller, unlocked.
 */
void upcall_end(struct upcall *upcall, enum upcall_state state, int error, int status);
void upcall_wake_pollers(struct upcall *upcall);
/* From any context: wakes pollers soon, and gives a reference away. */
void upcall_ended(struct upcall *upcall);

void times_begin(struct upcall *upcall, const struct subject *subject);
/* Under its lock, as all that follow: gives it back what it has not had while the machine stood. */
void times_stood(struct upcall *upcall);
/* Milliseconds that its state may last: until it is claimed, is attached to, has run. */
unsigned int times_claim(const struct upcall *upcall);
unsigned int times_attach(const struct upcall *upcall);
unsigned int times_run(const struct upcall *upcall);
/* Is there time for another turn? */
bool times_again(const struct upcall *upcall);
/* Jiffies until its deadline is to be looked at; then, whether it is over. */
unsigned long times_next_look(struct upcall *upcall);
bool times_over(const struct upcall *upcall);

/*
 * The process that has attached to an upcall: its end is the upcall's. Of struct
 * upcall it alone writes handler, handler_cgroup, watch and watched; queue.c reads
 * the first two, without the lock.
 */
void handler_init(struct upcall *upcall);

/* The current process is the handler; it is alive, so its end cannot be missed. */
void handler_watch(struct upcall *upcall);

/*
 * Kill it: it was too late, it is cancelled, or its requester has gone. Called
 * unlocked, and once at most: by whoever has ended a RUNNING upcall before it.
 */
void handler_end(struct upcall *upcall);

#endif
