/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPCALL_READ_ALL_H
#define UPCALL_READ_ALL_H

#include <sys/types.h>

/*
 * All there is, to the end, but no more than `most` bytes: how many, in *ret, which is the
 * caller's to free; or a negative errno, and nothing. Who asks for more than may be sees that
 * there is more.
 */
ssize_t read_all(int fd, size_t most, char **ret);

#endif
