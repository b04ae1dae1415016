// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Uses up what its uid may have of keys
 *
 * key-hog FILE: makes FILE when there is room for no more, and keeps it so until it is killed: what
 * others give back is taken. They are its process' own and go with it. As a handler that answers:
 * prints its session keyring's serial, or why it has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char payload[32767];

static long add(const char *name, size_t size)
{
	return syscall(SYS_add_key, "user", name, payload, size, KEY_SPEC_PROCESS_KEYRING);
}

/* The biggest keys first, then the last bytes: one key that is made longer. */
static void take(long last)
{
	static unsigned int count;
	static size_t longer = 1;
	char name[32];

	for (size_t size = sizeof(payload); size > 0;) {
		snprintf(name, sizeof(name), "hog:%d:%u", getpid(), count);
		if (add(name, size) >= 0)
			count++;
		else if (errno == EDQUOT)
			size /= 4;
		else
			exit(1);
	}
	while (longer < sizeof(payload) &&
	       syscall(SYS_keyctl, KEYCTL_UPDATE, last, payload, longer + 1) == 0)
		longer++;
}

static int session_print(void)
{
	long serial = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	if (serial < 0)
		return printf("none:%s", strerrorname_np(errno)) < 0;
	return printf("%ld", serial) < 0;
}

int main(int argc, char **argv)
{
	long last;

	if (getenv("UPCALL_KEY_TYPE"))
		return session_print();
	if (argc != 2)
		return 2;
	memset(payload, 'x', sizeof(payload));
	last = add("hog:last", 1);
	if (last < 0)
		return perror("add_key"), 1;
	for (;;) {
		take(last);
		close(open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		usleep(5000);
	}
}
