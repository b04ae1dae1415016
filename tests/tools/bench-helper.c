// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The shortest /sbin/request-key that answers
 *
 * request-key create KEY UID GID THREAD-RING PROCESS-RING SESSION-RING
 *
 * Instantiates KEY at once, and links it where its requester looks for it.
 */
#include <linux/keyctl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	ARG_KEY = 2,
	ARG_SESSION = 7,
	ARGS
};

int main(int argc, char **argv)
{
	static const char payload[] = "bench";
	long key, ring;

	if (argc < ARGS)
		return 2;
	key = strtol(argv[ARG_KEY], NULL, 10);
	ring = strtol(argv[ARG_SESSION], NULL, 10);
	if (syscall(SYS_keyctl, KEYCTL_ASSUME_AUTHORITY, key) < 0)
		return 1;
	return syscall(SYS_keyctl, KEYCTL_INSTANTIATE, key, payload, sizeof(payload) - 1, ring) < 0;
}
