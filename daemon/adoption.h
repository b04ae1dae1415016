/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers that nobody registers: what the module is told of them, and their names. */
#ifndef UPCALLD_ADOPTION_H
#define UPCALLD_ADOPTION_H

#include "config.h"

struct upcall_version;

/*
 * The policies' Cgroup=, instead of all that it was told before; which stays if it cannot be
 * known, or told. Journals what fails.
 */
void adoption_tell(int shim_fd, const struct upcall_version *shim, const struct config *config);

/* A container's, with its NUL. */
#define ADOPTION_NAME_SIZE 64

/*
 * What the last component of a cgroup's path is called, without systemd's ending: "libpod-0123".
 * A container's name can be no more than that; what it cannot have is '_', or in front left out.
 */
void adoption_name(const char *path, char name[ADOPTION_NAME_SIZE]);
/* Another one, for who leads another container there: with the leader's pid at its end. */
void adoption_name_other(char name[ADOPTION_NAME_SIZE], uint32_t leader);

#endif
