// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals
 *
 * Callers act on what call_usermodehelper_exec() returns, some for good: ENOENT
 * or EACCES blanks nfsd's and nfs' helper path, a failed request_key() negates
 * the key for a minute. So a refusal is made for the class, and never of a code
 * with a side effect:
 *
 *   module          256, the wait status of a modprobe that found nothing
 *   key             the key is rejected with the errno for some seconds and the
 *                   call succeeds, so that nobody negates it for sixty
 *   who waits for   256, a helper that ended with 1
 *   an exit status
 *   who waits for   -EPERM: no helper was started
 *   the exec
 *   killed          -ERESTARTSYS, as where it waits killably natively; a key is
 *                   rejected
 */
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/umh.h>
#include <linux/workqueue.h>

#include "subject.h"

/* In whole seconds of the wall clock, of which the first may end at once. */
#define REJECT_SECONDS 5
#define EXIT_FAILURE_STATUS 0x100

/* The errors that a key's user may meet (docs/protocol.md); others say no more than: no key. */
static unsigned int key_error(int error)
{
	switch (error) {
	case EKEYREJECTED:
	case EKEYEXPIRED:
	case EKEYREVOKED:
	case ENOKEY:
	case EDQUOT:
	case ETIMEDOUT:
	case ELOOP:
	case EIO:
		break;
	default:
		error = ENOKEY;
	}
	return error;
}

/*
 * ATTACK: who possesses a refused key must not bring its end nearer by
 * KEYCTL_SET_TIMEOUT, so it is KEEP. Not longer than it is refused: by then somebody
 * may have filled it, and it is a key as others, that can be revoked.
 */
struct kept_key {
	struct list_head link;
	struct key *key; /* reference */
	unsigned long until;
};

static DEFINE_SPINLOCK(kept_lock);
static LIST_HEAD(kept_keys); /* in the order of their ends */
static void kept_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(kept_end, kept_work);

static void kept_free(struct kept_key *kept)
{
	clear_bit(KEY_FLAG_KEEP, &kept->key->flags);
	key_put(kept->key);
	kfree(kept);
}

/* Those whose time has come, or all. */
static void kept_sweep(bool all)
{
	struct kept_key *kept, *next;
	LIST_HEAD(ended);

	spin_lock(&kept_lock);
	list_for_each_entry_safe(kept, next, &kept_keys, link) {
		if (!all && time_before(jiffies, kept->until)) {
			schedule_delayed_work(&kept_end, kept->until - jiffies);
			break;
		}
		list_move(&kept->link, &ended);
	}
	spin_unlock(&kept_lock);
	list_for_each_entry_safe(kept, next, &ended, link)
		kept_free(kept);
}

static void kept_work(struct work_struct *work)
{
	kept_sweep(false);
}

static void kept_add(struct kept_key *kept)
{
	kept->until = jiffies + REJECT_SECONDS * HZ;
	spin_lock(&kept_lock);
	list_add_tail(&kept->link, &kept_keys);
	schedule_delayed_work(&kept_end, REJECT_SECONDS * HZ);
	spin_unlock(&kept_lock);
}

void result_exit(void)
{
	cancel_delayed_work_sync(&kept_end);
	kept_sweep(true);
}

/*
 * ATTACK: a key that has ended before its requester looks at it, which in a container with
 * hardly any processor time is seconds later, has construct_key() warn, unless the authority
 * to make it is gone. So that goes with the refusal, as with an answer.
 */
static int key_refused(const struct subject *subject, int error)
{
	struct key *key = subject->key;
	struct kept_key *kept;
	int ret;

	if (!key) /* the kernel holds the key that it names: this is somebody else's call */
		return -EIO;
	kept = kzalloc(sizeof(*kept), GFP_KERNEL_ACCOUNT);
	if (kept && !test_and_set_bit(KEY_FLAG_KEEP, &key->flags)) {
		kept->key = key_get(key);
	} else {
		kfree(kept);
		kept = NULL;
	}
	ret = key_reject_and_link(key, REJECT_SECONDS, key_error(error), NULL,
				  subject->authority);
	/* EBUSY: somebody was quicker and it is instantiated: a good key, and its owner's */
	if (kept && ret)
		kept_free(kept);
	else if (kept)
		kept_add(kept);
	return 0;
}

/*
 * ATTACK: what the kernel looks up for itself it keeps in a cache of its own, and finds there by
 * the name alone, whosever network that was. A container's answer would be the next one's, and
 * the host's; so would be a key that a container is still asked for, for as long as it likes. So is
 * a refusal. Its requester has the key in hand and needs no cache; who comes next asks anew.
 */
void result_keep_private(const struct subject *subject)
{
	/* of the credentials that the kernel has borrowed for it */
	struct key *cache = current_cred()->thread_keyring;

	if (subject->key && subject->origin == UPCALL_ORIGIN_KERNEL && cache)
		(void)key_unlink(cache, subject->key);
}

int result_refused(const struct subject *subject, int wait, int error)
{
	if (subject->class == UPCALL_CLASS_KEY)
		return key_refused(subject, error);
	if (error == EINTR)
		return -ERESTARTSYS;
	if (wait & UMH_WAIT_PROC)
		return EXIT_FAILURE_STATUS;
	return -EPERM;
}
