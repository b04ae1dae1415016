// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "failing.h"

static bool armed;
static unsigned long count, first, last;
static const char *failed = "none";

void failing_set(unsigned long number, unsigned long more)
{
	armed = false;
	count = 0;
	first = number;
	last = number + more;
	failed = "none";
}

void failing_arm(bool on)
{
	armed = on;
}

unsigned long failing_count(void)
{
	return count;
}

const char *failing_name(void)
{
	return failed;
}

static bool fails(const char *name, int error)
{
	if (!armed)
		return false;
	count++;
	if (!first || count < first || count > last)
		return false;
	if (count == first)
		failed = name;
	errno = error;
	return true;
}

/* WRAP(type, name, what it returns, errno, (parameters), (arguments)) */
#define WRAP(type, name, failure, error, parameters, arguments) \
	type __real_##name parameters;                          \
	type __wrap_##name parameters;                          \
	type __wrap_##name parameters                           \
	{                                                       \
		if (fails(#name, error))                        \
			return failure;                         \
		return __real_##name arguments;                 \
	}

WRAP(void *, malloc, NULL, ENOMEM, (size_t size), (size))
WRAP(void *, calloc, NULL, ENOMEM, (size_t members, size_t size), (members, size))
WRAP(void *, realloc, NULL, ENOMEM, (void *old, size_t size), (old, size))
WRAP(void *, reallocarray, NULL, ENOMEM, (void *old, size_t members, size_t size),
     (old, members, size))
WRAP(char *, strdup, NULL, ENOMEM, (const char *text), (text))
WRAP(char *, strndup, NULL, ENOMEM, (const char *text, size_t size), (text, size))

WRAP(FILE *, fopen, NULL, EMFILE, (const char *path, const char *mode), (path, mode))
WRAP(int, socket, -1, EMFILE, (int family, int type, int protocol), (family, type, protocol))
WRAP(int, socketpair, -1, EMFILE, (int family, int type, int protocol, int pair[2]),
     (family, type, protocol, pair))
WRAP(int, accept4, -1, EMFILE, (int fd, struct sockaddr *address, socklen_t *size, int flags),
     (fd, address, size, flags))
WRAP(int, pipe2, -1, EMFILE, (int ends[2], int flags), (ends, flags))
WRAP(pid_t, fork, -1, EAGAIN, (void), ())

WRAP(ssize_t, read, -1, EIO, (int fd, void *buffer, size_t size), (fd, buffer, size))
WRAP(ssize_t, write, -1, ENOSPC, (int fd, const void *buffer, size_t size), (fd, buffer, size))
WRAP(ssize_t, sendmsg, -1, ENOBUFS, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(ssize_t, recvmsg, -1, ENOMEM, (int fd, struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(int, poll, -1, ENOMEM, (struct pollfd * fds, nfds_t number, int timeout),
     (fds, number, timeout))
WRAP(int, dup2, -1, EMFILE, (int fd, int copy), (fd, copy))
WRAP(int, fstat, -1, EIO, (int fd, struct stat *status), (fd, status))
WRAP(int, fsync, -1, EIO, (int fd), (fd))
WRAP(int, fchmod, -1, EIO, (int fd, mode_t mode), (fd, mode))
WRAP(int, mkdir, -1, ENOSPC, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdirat, -1, ENOSPC, (int folder, const char *path, mode_t mode), (folder, path, mode))
WRAP(int, renameat, -1, ENOSPC,
     (int old_folder, const char *old_path, int new_folder, const char *new_path),
     (old_folder, old_path, new_folder, new_path))
WRAP(int, unlinkat, -1, EIO, (int folder, const char *path, int flags), (folder, path, flags))

/* The rest have arguments that may be there or not; a number fits in all of them. */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails("open", EMFILE) ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails("openat", EMFILE) ? -1 : __real_openat(folder, path, flags, mode);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	return fails("fcntl", EMFILE) ? -1 : __real_fcntl(fd, command, argument);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	long arguments[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(args, long);
	va_end(args);
	if (fails("syscall", EMFILE))
		return -1;
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
			      arguments[4], arguments[5]);
}
