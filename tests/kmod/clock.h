/* SPDX-License-Identifier: GPL-2.0-only */
/* Time that passes while the machine sleeps, or stands. */
#ifndef UPCALL_RAISER_CLOCK_H
#define UPCALL_RAISER_CLOCK_H

int clock_init(void);
void clock_exit(void);
/* Nothing runs on any processor for so long. */
int clock_stand(unsigned int seconds);

#endif
