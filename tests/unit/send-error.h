/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sendmsg(2) that fails; linked first, it replaces the C library's. */
#ifndef TEST_SEND_ERROR_H
#define TEST_SEND_ERROR_H

/* While it is not 0, each sendmsg(2) fails with it. */
extern int send_error;
/* How many there were. */
extern unsigned int sends;

#endif
