// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stddef.h>

#include "signals.h"

/* Those that we change before we fork. */
static const int numbers[] = { SIGPIPE, SIGCHLD };

#define COUNT (sizeof(numbers) / sizeof(numbers[0]))

static struct sigaction kept[COUNT];

void signals_take(void)
{
	for (size_t i = 0; i < COUNT; i++)
		(void)sigaction(numbers[i], NULL, &kept[i]);
	(void)signal(SIGCHLD, SIG_DFL);
}

void signals_restore(void)
{
	for (size_t i = 0; i < COUNT; i++)
		(void)sigaction(numbers[i], &kept[i], NULL);
}
