/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is at the other end of a unix socket
 */
#ifndef UPCALLD_PEER_H
#define UPCALLD_PEER_H

#include <sys/types.h>

/* Whoever claims to be somebody from elsewhere. */
#define PEER_NOBODY ((uid_t)65534)

/*
 * The user that connected. Root only if it is in our user and pid namespace: root of a
 * container is not. Others only if they are in our pid namespace, from which they could
 * act on that user's processes. 0, or a negative errno.
 */
int peer_uid(int fd, uid_t *ret);

#endif
