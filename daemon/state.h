/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry on disk: one file for each container
 *
 * /run/upcalld/containers/NAME, lines of KEY=VALUE: VERSION=1 first, END=1 last,
 * each key at most once, nothing unknown. Written to a temporary name and
 * renamed, so a file is whole or of an older time; one that is neither costs
 * that container only. Beside it is the container's seccomp filter, if it has one.
 */
#ifndef UPCALLD_STATE_H
#define UPCALLD_STATE_H

#include "container.h"

#define STATE_FILE_MAX	  16384
#define STATE_LABELS_MAX  16
#define STATE_LABEL_LEN	  128
#define STATE_RUNTIME_LEN 64

/* Open (and make) the folder below `base`; returns an fd. */
int state_open(const char *base);

/* Bytes written. -EMSGSIZE: more than `room`. */
int state_format(const struct container *container, char *out, size_t room);
/* -EBADMSG: no whole state of this version. Consumes nothing. */
int state_parse(const char *text, size_t size, struct container **ret);

int state_save(int folder, const struct container *container);
/* -EBADMSG, -ENOENT; the name inside must be that of the file. */
int state_load(int folder, const char *name, struct container **ret);
/*
 * The container's seccomp filter, in a file of its own that goes with the state's. To be saved
 * before a state that tells of it.
 */
int state_save_filter(int folder, const char *name, const void *code, size_t size);
/* An fd to read it, or a negative errno. */
int state_open_filter(int folder, const char *name);
void state_remove(int folder, const char *name);
/* Forget what a daemon that was killed has not finished, and filters without a container. */
void state_sweep(int folder);
/* Names of all files; *ret is a vector that the caller frees, or NULL. */
int state_names(int folder, char ***ret);

#endif
