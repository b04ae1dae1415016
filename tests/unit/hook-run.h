/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program of the OCI hook's as a runtime runs it: UPCALL_OCI_HOOK, which CMake defines. */
#ifndef HOOK_RUN_H
#define HOOK_RUN_H

/* Shell commands that print a state; it has the pid of the shell. */
#define STATE(id)   "printf '{\"id\":\"" id "\",\"pid\":%d}' $$"
#define STOPPED	    "printf '{\"id\":\"web\",\"pid\":0}'"
#define UNKNOWN_PID "printf '{\"id\":\"web\",\"pid\":2147483647}'"

#define HOOK_BUNDLE_SIZE 64

/* Of the last run: both streams, and seconds. */
extern char hook_output[4096];
extern double hook_took;

/* The exit status; `input` is a shell command. */
int hook_run(const char *input, const char *arguments);

/* A new bundle's config.json is that, NULL: it has none. */
void hook_bundle_make(const char *config, char directory[HOOK_BUNDLE_SIZE]);
/* A state of "web" that names it: a shell command. */
void hook_bundle_state(const char *directory, char *input, size_t size);
void hook_bundle_remove(const char *directory);

#endif
