/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * epoll_ctl(2) as libev meets it where fs.epoll.max_user_watches is used up
 *
 * Linked before libev, it replaces the C library's.
 */
#ifndef TEST_NO_WATCHES_H
#define TEST_NO_WATCHES_H

#include <stdbool.h>

/* While it is set no fd can be added; what is watched already stays so. */
extern bool no_watches;
/* How many were refused. */
extern unsigned int no_watches_count;

#endif
