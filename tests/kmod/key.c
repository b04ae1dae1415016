// SPDX-License-Identifier: GPL-2.0-only
#include <keys/user-type.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/key.h>
#include <linux/keyctl.h>
#include <linux/sched/task.h>

#include "key.h"

/* A thread keyring is the whole cache, as that of NFS' ids or of CIFS' tickets. */
static struct cred *cache;

int key_cache_init(void)
{
	struct key *keyring;

	cache = prepare_kernel_cred(&init_task);
	if (!cache)
		return -ENOMEM;
	keyring = keyring_alloc(".upcall_raiser", GLOBAL_ROOT_UID, GLOBAL_ROOT_GID, cache,
				(KEY_POS_ALL & ~KEY_POS_SETATTR) | KEY_USR_VIEW | KEY_USR_READ,
				KEY_ALLOC_NOT_IN_QUOTA, NULL, NULL);
	if (IS_ERR(keyring)) {
		put_cred(cache);
		return PTR_ERR(keyring);
	}
	cache->thread_keyring = keyring;
	cache->jit_keyring = KEY_REQKEY_DEFL_THREAD_KEYRING;
	return 0;
}

void key_cache_exit(void)
{
	key_revoke(cache->thread_keyring);
	put_cred(cache);
}

int key_request_as_kernel(const char *description)
{
	const struct cred *own = override_creds(cache);
	struct key *key = request_key(&key_type_user, description, "raised");

	revert_creds(own);
	if (IS_ERR(key))
		return PTR_ERR(key);
	key_put(key);
	return 0;
}
