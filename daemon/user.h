/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ordinary users, who may register containers of their own
 *
 * What they are called begins with the user's number, UID-NAME, so no user takes another's
 * name or root's. Whose a process is, the kernel says; what may be done for him, a file of
 * the administrator's that has User= in its [Match].
 */
#ifndef UPCALLD_USER_H
#define UPCALLD_USER_H

#include <stdint.h>

#include "upcall.h"

#define USER_CONTAINERS_MAX 32 /* of one user, dead ones that are not empty among them */

/* Users by number, or by a name in there. Tests set it. */
extern const char *user_file;

/*
 * What a container of the user is called: NAME and UID-NAME are the same. -ENAMETOOLONG. What
 * comes out need be no name yet. Root's are called as he says.
 */
int user_container_name(uint32_t uid, const char *name, char out[UPCALL_NAME_LEN]);
/* The part that the user has chosen; of root's, all. */
const char *user_own_name(uint32_t uid, const char *name);

/* A number, or a name in user_file, which no name service is asked for. -ENOENT: none. */
int user_by_name(const char *name, uint32_t *ret);

#endif
