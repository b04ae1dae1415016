/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files in several directories: found by name, and read
 */
#ifndef UPCALLD_CONFIG_FILES_H
#define UPCALLD_CONFIG_FILES_H

#include "cleanup.h"
#include "config.h"
#include "text.h"

#define FILES_SUFFIX ".conf"

static inline void cleanup_strv_(char ***strv)
{
	*strv = strv_free(*strv);
}
#define cleanup_strv cleanup_with(cleanup_strv_)

struct bytes {
	char *data;
	size_t size;
};

/* Who hears of errors: the caller of the first (or the last), an observer of all. */
struct listener {
	char *error;
	struct config_observer *observer; /* or NULL */
};

/* Tell an error of a file as a whole; returns -EINVAL. */
int files_say(struct listener *listener, const char *path, const char *reason);

/* `below` in /usr/lib, /run and /etc; later ones win. For strv_free(). */
int files_directories(const char *below, char ***ret);
/* The sorted names over all directories, with `below` ("" or "/NAME.conf.d") appended to each. */
int files_names(char *const *directories, const char *below, char ***ret,
		struct listener *listener);

/* 1: read; 0: masked; -ENOENT: not in this directory. With `owned`, it has to be root's. */
int files_read(const char *path, bool owned, struct bytes *bytes, struct listener *listener);
/* In the last directory that has it. The same returns; a dangling link is as if it were not there. */
int files_find(char *const *directories, const char *below, const char *name, char **ret_path,
	       struct bytes *bytes, struct listener *listener);

/* One of the files that refine; negative: enough, or an error that was told. */
typedef int refine_fn(char *const *directories, const char *below, const char *name, void *target,
		      struct listener *listener);
/* Each of NAME.d in all directories. 1, or the last error. */
int files_refine(char *const *directories, const char *name, void *target,
		 struct listener *listener, refine_fn *fn);

#endif
