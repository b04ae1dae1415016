/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers made by libupcall, by root or by an ordinary user
 *
 * A test's body runs in a child, in a cgroup of its own where there are any. The child inherits
 * all processes that the body leaves behind, and waits for them: who does not end by himself
 * within TEST_SECONDS fails the test, and so does a cgroup that is left.
 */
#ifndef TEST_CONTAINER_FIXTURE_H
#define TEST_CONTAINER_FIXTURE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#define USER_ID	     65534
#define TEST_SECONDS 20

/* Skips where we are not root. */
void as_root(void (*body)(void));
/* As USER_ID, or whoever runs the tests. Skips where the kernel has no user namespaces for him. */
void as_user(void (*body)(void));
/* The same, where he may make no cgroup. */
void as_user_without_cgroup(void (*body)(void));

/* In the body, who is another process: cmocka's assertions would go on with its other tests. */
bool is_user(void);
bool have_cgroup(void);

#define require(what)                                                                  \
	do {                                                                           \
		if (!(what)) {                                                         \
			fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #what); \
			_exit(1);                                                      \
		}                                                                      \
	} while (0)

#define require_equal(expected, what)                                                        \
	do {                                                                                 \
		long long is_ = (what), want_ = (expected);                                  \
		if (is_ != want_) {                                                          \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, \
				#what, is_, want_);                                          \
			_exit(1);                                                            \
		}                                                                            \
	} while (0)

/* Waits for a child, whose exit status it is to be; -1: it is to be killed. */
void require_exits(pid_t pid, int status);
/* The inode of a namespace of a process; 0: of us. */
ino_t namespace_of(pid_t pid, const char *name);
/* Somebody alive: false within some seconds. */
void require_gone(int pidfd);

#endif
