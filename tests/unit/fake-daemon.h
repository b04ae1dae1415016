/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon that only speaks: a child process with the control interface on a
 * socket of its own, whose answers are chosen by the test before it starts.
 */
#ifndef FAKE_DAEMON_H
#define FAKE_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fake-worker.h"

struct fake_daemon {
	pid_t pid;
	char dir[64];
	char socket[96];

	/* What it does; set before fake_daemon_start(). */
	const char *error_name; /* every method fails with it, NULL: none does */
	const char *error_text;
	const char *name;    /* that Register and UnregisterEnded have to be given, NULL: any */
	bool no_shim;	     /* Status says so */
	bool wrong_types;    /* answers have values of other types */
	bool new_keys;	     /* answers have keys that the library does not know */
	bool older;	     /* knows no seccomp filter */
	bool hang_up;	     /* closes the connection instead of answering */
	const char *listed;  /* List has this one container, also if the rest fails; or NULL */
	uint32_t listed_uid; /* whose that one is */
	const char *listed_cgroup; /* the same; NULL: cgroup */
	uint32_t leader;  /* of each, and what RegisterProcess has to be given; 0: 4711, any */
	const char *says; /* to whoever connects, instead of all that; then nothing */
	unsigned int containers;
	const char *cgroup;   /* of every container that is listed, a tombstone then; or NULL */
	bool cgroup_derived;  /* that of each of them */
	const char *result;   /* of every record; NULL: entry-failed */
	uint32_t requester;   /* the same; 0: nobody is said to have asked */
	const char *section;  /* the same; NULL: none decided */
	const char *handler;  /* the same; NULL: none was chosen */
	const char *step;     /* the same; NULL: cgroup */
	uint64_t config_read; /* 0: it does not say */
	uint64_t later;	      /* so many ids behind that record is the container's last one */
	const char *verdict;  /* of what an outlook says of all keys; NULL: native */
	struct fake_worker worker; /* of every container, for Visit */
};

/* Listens, forks, and sets UPCALLD_SOCKET. Fails the test if it cannot. */
void fake_daemon_start(struct fake_daemon *fake);
void fake_daemon_stop(struct fake_daemon *fake);

#endif
