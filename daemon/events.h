/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The netlink socket that upcalls are announced on
 *
 * Only receives. Nothing is ever sent on it, not even a query for the family's
 * id: generic netlink answers under cb_lock, which the cause of an upcall may
 * hold. Instead the sender is checked: what comes from port 0 is the kernel's,
 * unicast to us by the one family that we are subscribed to, and the message
 * type of the first event is the type of all later ones.
 *
 * A loss is no harm: it is counted and the reader is told to ask for the list.
 */
#ifndef UPCALLD_EVENTS_H
#define UPCALLD_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "tags.h"
#include "watch.h"

/* An event is at most two attributes of 64 KiB (argv, envp) and a few small ones. */
#define EVENTS_BUFFER_SIZE    (256 * 1024)
#define EVENTS_RECEIVE_BUFFER (4 * 1024 * 1024)
/* Messages that are not the kernel's: so many are counted, then the kernel refuses them. */
#define EVENTS_FOREIGN_MAX 10000

struct events;

struct events_reader {
	/* The tags point into a buffer that is used again afterwards. */
	void (*event)(struct events_reader *reader, const struct tags *tags);
	/* Some may have been lost. */
	void (*lost)(struct events_reader *reader);
	/* All that had come was read. */
	void (*done)(struct events_reader *reader);
};

struct events {
	struct ev_loop *loop;
	struct events_reader *reader;
	struct watch watch;
	int fd;	       /* not ours */
	uint16_t type; /* of the first event; 0: none yet */
	char *buffer;
	uint64_t enobufs;
	uint64_t bad_sender; /* up to EVENTS_FOREIGN_MAX, and what had come by then */
	uint64_t malformed;
	uint64_t truncated;
};

/* fd is not consumed. */
int events_start(struct events *events, struct ev_loop *loop, struct events_reader *reader, int fd);
/* Harmless if it was not started. */
void events_stop(struct events *events);

/* Take one datagram apart; for events_start() and tests. */
void events_parse(struct events *events, const void *data, size_t size);

#endif
