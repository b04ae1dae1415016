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

#include "libupcall-container.h"

struct keeper_reply;

#define USER_ID	     65534
#define TEST_SECONDS 20
#define SOON	     20000 /* ms, for what takes as long as it takes */

/* Flags of containers. */
#define EMPTY  UPCALL_CONTAINER_NEW_EMPTY_FS_NS
#define PID    UPCALL_CONTAINER_NEW_PID_NS
#define USER   UPCALL_CONTAINER_NEW_USER_NS
#define NET    UPCALL_CONTAINER_NEW_NET_NS
#define KILL   UPCALL_CONTAINER_KILL_ON_CLOSE
#define CLOSED UPCALL_CONTAINER_FD_CLOEXEC

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

/* A container, with what a user needs for anything else. */
int made(unsigned int flags);
/* Waits for ever, without a copy of any container's fd. */
_Noreturn void stay(void);
/* A first process that stays. Its /proc is to be read: only what it executes would be dumpable. */
pid_t lived_in(int fd);
void mkdir_in(int root, const char *path);
/* upcall_container_set_namespace() with a process's namespace. */
int set_namespace_of(int fd, pid_t pid, const char *name);
/* A process into the cgroup whose directory that is. */
void procs_write(int dir, pid_t pid);
/* The first half of a fork: what leads into the container. The socket for the other. */
int fork_asked(int fd, struct keeper_reply *reply);

#endif
