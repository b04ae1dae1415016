/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small files of procfs, sysfs and cgroupfs; never one of a container. */
#ifndef UPCALL_WORKER_FILE_H
#define UPCALL_WORKER_FILE_H

#include <stddef.h>
#include <stdint.h>

/* The whole file, NUL-terminated. -EFBIG: it does not fit; -EBADMSG: a NUL inside. */
int file_read(int directory, const char *path, char *ret, size_t room);
/* One write, all of it. */
int file_write(int directory, const char *path, const char *text);
int file_write_fd(int fd, const char *text);

/* -ENOTTY: not a file of that file system (somebody mounted over it). */
int file_check_system(int fd, int64_t magic);

#endif
