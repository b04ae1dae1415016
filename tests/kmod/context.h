/* SPDX-License-Identifier: GPL-2.0-only */
/* Where upcalls are raised. */
#ifndef UPCALL_RAISER_CONTEXT_H
#define UPCALL_RAISER_CONTEXT_H

struct command;

enum raiser_context {
	RAISER_PROCESS, /* the process that writes */
	RAISER_KTHREAD,
	RAISER_WORKQUEUE,
	RAISER_ATOMIC,	 /* the process that writes, with preemption off */
	RAISER_IRQS_OFF, /* the same, with a lock that interrupts take, too */
	RAISER_BH_OFF,
	RAISER_TIMER,
};

int context_init(void);
void context_exit(void);
/* Raise all that the command says, there. Returns when it has been done. */
int context_run(struct command *command);

#endif
