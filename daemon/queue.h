/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Upcalls: from the event to the record
 *
 *   event ─▶ owner ─▶ policy ─▶ lane (quota, worker) ─▶ CLAIM ─▶ worker ─▶ result ─▶ record
 *               └─ nobody's ─┴─ DENY or NATIVE ──────────────────────────────▶ record
 *
 * The kernel holds the queue; this is the part of it that we have looked at. An
 * upcall is known by its id, and by its generation: the kernel offers it again,
 * in the next one, when a worker dies with it.
 */
#ifndef UPCALLD_QUEUE_H
#define UPCALLD_QUEUE_H

#include "lane.h"
#include "modules.h"
#include "registry.h"
#include "source.h"

/* A bound for us, far above what quotas allow a sane machine. */
#define QUEUE_MAX 16384
/* The kernel offers again what a worker had once that has gone, and who is told to end takes time. */
#define QUEUE_LOST_SECONDS (WORKER_KILL_MS / 1000. + 3.)

struct ending {
	enum record_result result;
	const char *reason;
	uint32_t step;
	int error; /* positive */
	int wait_status;
};

struct queue {
	struct ev_loop *loop;
	int shim_fd;
	struct registry *registry;
	struct launcher *launcher;
	struct records *records;
	struct source_client client; /* give this to a source */
	struct modules modules;
	uint64_t host_net; /* cookie of our own network namespace, the host's; 0: not known */
	struct hash by_id;
	struct list lanes;
	struct list lost;
	ev_timer lost_timer;
	ev_timer sweep_timer; /* active: something may wait for quota */
	uint64_t sweeps;
	double swept_at;
	uint64_t seen;	     /* offers, of whatever kind */
	uint64_t highest_id; /* of them; every lower one has been given to somebody */
	uint64_t served;
	uint64_t failed;
	uint64_t refused;
};

/* What it is given stays the caller's and outlives it. */
void queue_init(struct queue *queue, struct ev_loop *loop, int shim_fd, struct registry *registry,
		struct launcher *launcher, struct records *records);
void queue_close(struct queue *queue);

/* Known and not ended. */
size_t queue_pending(const struct queue *queue);
/* In the hands of a worker: results are to be expected. */
bool queue_has_handed(const struct queue *queue);
/* The one that is known by this id, in its latest generation, or NULL. */
struct upcall *queue_find(const struct queue *queue, uint64_t id);
/*
 * End one for an administrator, whatever it is doing. `entry` is what the kernel
 * lists; it may be of a daemon before us. 0; -ENOENT: it has ended since; -EBUSY:
 * ask again in a moment; other errors.
 */
int queue_cancel(struct queue *queue, const struct upcall_list_entry *entry);
void queue_container_gone(struct queue *queue, struct container *container, bool unregistered);

/* What the record says of a cancelled one, however its worker tells of its end. */
extern const struct ending queue_cancelled;

/* ---- for lane.c; the upcall is in no list, and is the queue's from here on ---- */

void queue_end(struct queue *queue, struct upcall *upcall, const struct ending *ending);
void queue_forget(struct queue *queue, struct upcall *upcall);
void queue_lost(struct queue *queue, struct upcall *upcall);

/* ---- queue-sweep.c ---- */

void queue_sweep_init(struct queue *queue);
void queue_sweep_stop(struct queue *queue);
/* End what waits for quota and is not offered any more, unless that was done just now. */
void queue_sweep(struct queue *queue);
/* From now on again and again, until nothing waits. */
void queue_sweep_later(struct queue *queue);

#endif
