/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps of the entry in which the child takes on what the leader has. */
#ifndef UPCALL_WORKER_BECOME_H
#define UPCALL_WORKER_BECOME_H

struct enter;

/* In the worker, once. */
int become_init(void);

int become_undumpable(void);
int become_labelled(struct enter *enter);
int become_ids(struct enter *enter);
int become_capabilities(struct enter *enter);
int become_no_new_privs(struct enter *enter);
int become_limits(struct enter *enter);

#endif
