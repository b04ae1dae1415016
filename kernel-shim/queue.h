/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue of upcalls
 *
 * Its lock is the innermost: see upcall_object.h for the order.
 */
#ifndef UPCALL_SHIM_QUEUE_H
#define UPCALL_SHIM_QUEUE_H

#include <linux/poll.h>

#include "upcall.h"

struct subject;
struct tags_upcall;
struct upcall;

/* What is in it of one container. Changed under the queue's lock. */
struct queue_share {
	unsigned int pending; /* upcalls that have not ended; read without it, too */
	unsigned int modules; /* of these, module requests */
};

/* -EDQUOT: this container's share, or everybody's, is used up. -EKEYREJECTED: draining. */
int queue_add(struct upcall *upcall);
/* Taken out again before anybody could find it. */
void queue_forget(struct upcall *upcall);
/* Under the upcall's lock. One that has ended leaves the queue. */
void queue_set_state(struct upcall *upcall, enum upcall_state to);

/* The upcall in this generation. -ENOENT: none such, or it has ended; -ESTALE. */
struct upcall *queue_find(u64 id, u32 generation);
u32 queue_list(u64 after, struct upcall_list_entry *entries, u32 room);
/* Whose handler raises it, and how deep that is. */
void queue_depth(const struct subject *subject, struct tags_upcall *nested);

bool queue_is_empty(void);
bool queue_has_offered(void);
unsigned long queue_offers(void); /* grows with each that is offered */
void queue_poll_wait(struct file *file, struct poll_table_struct *table);
/* Pollers: there is something that is offered. */
void queue_wake(void);

/* Offer nothing from now on, and refuse what waits. */
void queue_drain(bool drain);
bool queue_is_draining(void);
/* Refuse what waits: for the container, which has left the table, or with 0 for anybody. */
void queue_refuse(u64 container);

#endif
