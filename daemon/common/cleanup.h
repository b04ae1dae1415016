/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cleanup attributes: a local that owns something says so where it is declared.
 *
 * One idiom: build into cleaning locals, hand over on the last lines with
 * take_fd() or take_ptr(). No goto in a function that uses these.
 */
#ifndef UPCALL_CLEANUP_H
#define UPCALL_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup_with(fn) __attribute__((cleanup(fn)))
#define cleanup_free	 cleanup_with(cleanup_free_)
#define cleanup_fd	 cleanup_with(cleanup_fd_)
#define cleanup_file	 cleanup_with(cleanup_file_)
#define cleanup_dir	 cleanup_with(cleanup_dir_)

static inline void cleanup_free_(void *pointer)
{
	free(*(void **)pointer);
}

/* close(2) keeps errno: cleaning up must not change what the caller reports. */
static inline int close_keep_errno(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
	}
	return -1;
}

static inline void cleanup_fd_(int *fd)
{
	*fd = close_keep_errno(*fd);
}

static inline void cleanup_file_(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static inline void cleanup_dir_(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define take_ptr(pointer)                       \
	({                                      \
		__auto_type taken_ = (pointer); \
		(pointer) = NULL;               \
		taken_;                         \
	})

#endif
