/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs upcallctl in a directory of its own, with files that the test puts there. */
#ifndef CTL_RUN_H
#define CTL_RUN_H

#include <sys/types.h>

/* cmocka's set-up and tear-down: the working directory is a new one, with lib/ and etc/ in it. */
int ctl_enter(void **state);
int ctl_leave(void **state);

/* Makes the directories above it, too. */
void ctl_put(const char *path, const char *text, mode_t mode);

/* Returns the exit status; the output, both streams, is valid until the next call. */
int ctl_run(const char *arguments, const char **ret_output);

#endif
