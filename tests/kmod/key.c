// SPDX-License-Identifier: GPL-2.0-only
#include <keys/user-type.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/key.h>
#include <linux/sched/task.h>

#include "key.h"

int key_request_as_kernel(const char *description)
{
	struct cred *kernel = prepare_kernel_cred(&init_task);
	const struct cred *own;
	struct key *key;

	if (!kernel)
		return -ENOMEM;
	/* with these, what is made goes into none of the task's keyrings */
	own = override_creds(kernel);
	key = request_key(&key_type_user, description, "raised");
	revert_creds(own);
	put_cred(kernel);
	if (IS_ERR(key))
		return PTR_ERR(key);
	key_put(key);
	return 0;
}
