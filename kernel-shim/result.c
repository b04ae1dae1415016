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
#include <linux/key-type.h>
#include <linux/key.h>
#include <linux/umh.h>

#include "subject.h"

/*
 * In whole seconds of the wall clock, of which the first may end at once. One that
 * has ended before its requester looks at it makes construct_key() warn: ATTACK: of
 * a container with hardly any processor time, for which seconds can lie between.
 */
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

static int key_refused(struct subprocess_info *info, int error)
{
	struct key *key = subject_key_get(info);
	bool kept;

	if (!key)
		return -EIO;
	/* ATTACK: who possesses it must not bring its end nearer by KEYCTL_SET_TIMEOUT */
	kept = test_and_set_bit(KEY_FLAG_KEEP, &key->flags);
	/* EBUSY: somebody was quicker and it is instantiated: a good key, and its owner's */
	if (key_reject_and_link(key, REJECT_SECONDS, key_error(error), NULL, NULL) && !kept)
		clear_bit(KEY_FLAG_KEEP, &key->flags);
	key_put(key);
	return 0;
}

int result_refused(struct subprocess_info *info, int wait, enum upcall_class class, int error)
{
	if (class == UPCALL_CLASS_KEY)
		return key_refused(info, error);
	if (error == EINTR)
		return -ERESTARTSYS;
	if (wait & UMH_WAIT_PROC)
		return EXIT_FAILURE_STATUS;
	return -EPERM;
}
