/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of the host's settings decides whether there are upcalls for cores.
 */
#ifndef UPCALLD_HOST_H
#define UPCALLD_HOST_H

#include <stdint.h>

#define HOST_PATTERN_SIZE 160

struct host {
	char core_pattern[HOST_PATTERN_SIZE]; /* printable; "" if it cannot be read */
	uint32_t core_pipe_limit;	      /* UINT32_MAX: none, or no number */
};

void host_read(struct host *host);
/* Sentences with the command that helps; a vector to be freed, NULL if there is nothing to say. */
int host_warnings(const struct host *host, char ***ret);

#endif
