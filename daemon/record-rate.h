/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many records a second: of each container, or of all that one user has registered
 *
 * Who makes names, or containers, must not be able to take the others' place by them.
 */
#ifndef UPCALLD_RECORD_RATE_H
#define UPCALLD_RECORD_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "upcall.h"

#define RECORD_RATE	  100
#define RECORD_RATE_USERS (2 * RECORD_RATE) /* all users together */
#define RECORD_RATES	  64		    /* that have one of their own within a second */

struct record_rate {
	double window; /* when its second began */
	unsigned int count;
	uint32_t uid;		    /* not 0: a user, with all of his */
	char name[UPCALL_NAME_LEN]; /* else a container, or "" for nobody's */
};

struct record_crowd {
	struct record_rate of[RECORD_RATES];
	struct record_rate others; /* there were as many within a second */
};

/* Zero is a valid one. */
struct record_rates {
	struct record_crowd containers; /* root's, and nobody's upcalls */
	struct record_crowd users;	/* ATTACK: one may have thousands of uids */
	struct record_rate all_users;
};

/* One more. uid: who has registered it, 0 root; container: NULL for nobody's. */
bool record_rate_allows(struct record_rates *rates, uint32_t uid, const char *container);

#endif
