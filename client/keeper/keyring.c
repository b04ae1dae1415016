// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel knows no keyring of a container. What comes nearest is one that its first
 * process finds in its session, and that others may fill.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keeper/container.h"

/* of keyutils.h: possessor all, and who has our uid all but setting attributes */
#define POSSESSOR_ALL 0x3f000000
#define USER_MOST     0x001f0000

/* ORDER: a session of our own first, or it would be our creator's that holds it. */
int keyring_make(struct keeper *keeper)
{
	long serial;

	if (keeper->keyring)
		return keeper->keyring;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		return errno == ENOSYS ? -EOPNOTSUPP : -errno;
	serial = syscall(SYS_add_key, "keyring", keeper->name, NULL, 0, KEY_SPEC_SESSION_KEYRING);
	if (serial < 0)
		return -errno;
	if (syscall(SYS_keyctl, KEYCTL_SETPERM, serial, POSSESSOR_ALL | USER_MOST) < 0)
		return -errno;
	keeper->keyring = (int32_t)serial;
	return keeper->keyring;
}
