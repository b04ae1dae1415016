/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line, and the status, of a hook whose time is over: see limit_says(). */
#ifndef UPCALL_OCI_LATE_H
#define UPCALL_OCI_LATE_H

void late_state(int status, const char *phase, unsigned int milliseconds, const char *meaning);
void late_config(int status, const char *phase, const char *id, const char *path,
		 const char *meaning);
void late_answer(int status, const char *phase, const char *id, unsigned int milliseconds,
		 const char *meaning);

#endif
