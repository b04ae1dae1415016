/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ioctls that an upcall fd and /dev/upcall have in common, as functions.
 *
 * Thin: one call, one ioctl. All return 0 or negative errno. Tests replace the
 * whole file by one that remembers what it was asked.
 */
#ifndef UPCALL_SHIM_FD_H
#define UPCALL_SHIM_FD_H

#include <stddef.h>
#include <stdint.h>

#include "tags.h"

/* Tags of a process are small and of bounded size; UPCALL_IOC_INFO's are not. */
#define SHIM_TAGS_SIZE 1024
#define SHIM_INFO_MAX  (1024 * 1024)

/* Tags that own their bytes. */
struct shim_info {
	void *buffer;
	struct tags tags;
};

#define SHIM_INFO_NULL ((struct shim_info){ 0 })

/*
 * Is it one of the shim's? -EBADF: no. Any other file, a device that a user program plays for
 * instance, could answer the calls below as it likes.
 */
int shim_check_upcall(int fd);
int shim_check_witness(int fd);

/*
 * What is asked. On an upcall fd id and generation are ignored. -EMSGSIZE: more
 * than SHIM_INFO_MAX. *ret is written on success only; free it with shim_info_clear().
 */
int shim_info(int fd, uint64_t id, uint32_t generation, struct shim_info *ret);
void shim_info_clear(struct shim_info *info);

/* Numbers of a process only; all texts of *ret are empty. pid 0: the caller. */
int shim_tags(int fd, uint32_t pid, struct tags *ret);

/* The caller's capability sets are cut to `capabilities`. */
int shim_attach(int upcall_fd, uint64_t capabilities);
int shim_complete(int upcall_fd, int error);

#endif
