/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which modules a request stands for: net-pf-29 is can, fs-nfs is nfs.
 *
 * Only look-ups in the aliases of the running kernel, through libkmod; nothing
 * is ever loaded here. The context is made at the first question.
 */
#ifndef UPCALLD_MODULES_H
#define UPCALLD_MODULES_H

#include <stdbool.h>

struct kmod_ctx;

struct modules {
	struct kmod_ctx *context;
};

/* True if patterns fit the request's own name, or those of all modules that it stands for. */
bool modules_allow(struct modules *modules, char *const *patterns, const char *request);
void modules_close(struct modules *modules);

#endif
