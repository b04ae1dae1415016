/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPCALL_READ_ALL_H
#define UPCALL_READ_ALL_H

#include <sys/types.h>

/*
 * All there is, to the end, as far as there is room: how many bytes, or a negative errno. Who gives
 * room for more than may be sees that there is more.
 */
ssize_t read_all(int fd, void *data, size_t room);

#endif
