/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A poll(2) loop for a handful of fds.
 *
 * poll and not epoll: an epoll registration stays until the last copy of a file
 * is closed, and our files are copied into children all the time. One callback
 * is run a round, so a callback may add and remove watches freely.
 */
#ifndef UPCALL_WORKER_LOOP_H
#define UPCALL_WORKER_LOOP_H

#include <stddef.h>
#include <stdint.h>

/* A watch's owner. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

struct loop;
struct watch;

typedef void watch_fn(struct watch *watch, short revents);

/* Embedded in whoever owns the fd. fd -1: not watched. */
struct watch {
	int fd;
	short events;
	watch_fn *fn;
};

#define WATCH_NULL ((struct watch){ .fd = -1 })
#define WATCH_MAX  512

struct loop {
	struct watch *watches[WATCH_MAX];
	unsigned int count;
	unsigned int turn;		  /* who is asked first: nobody starves the others */
	void (*woken)(struct loop *loop); /* after a wait, before any callback; or NULL */
};

#define LOOP_NULL ((struct loop){ 0 })

/* CLOCK_MONOTONIC in milliseconds. */
int64_t loop_now_ms(void);

/* -ENOSPC: too many. The fd stays the caller's. */
int loop_watch(struct loop *loop, struct watch *watch, int fd, short events, watch_fn *fn);
/* Not waited for any more; the watch keeps its fd. */
void loop_mute(struct loop *loop, const struct watch *watch);
/* Takes the watch out; its fd, or -1, is the caller's to close. */
int loop_unwatch(struct loop *loop, struct watch *watch);
/* The same, closed. */
void loop_unwatch_close(struct loop *loop, struct watch *watch);

/* Wait until deadline_ms (-1: for ever) and run one callback. 0: none was due. */
int loop_run(struct loop *loop, int64_t deadline_ms);

#endif
