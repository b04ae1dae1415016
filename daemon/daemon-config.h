/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's own settings: upcalld.conf
 *
 * In /usr/lib, /run and /etc; the last one that is there counts whole, and files in
 * upcalld.conf.d, in the same directories, refine it. The grammar, owners and modes
 * are those of policies, see config.h.
 *
 *   [Daemon]
 *     IdleExitSec=  0 to 86400; 0: never. Default 30, with --standalone 0
 *     RequireShim=  yes (default): nobody is registered while the kernel module is
 *                   not loaded; no: who is registered waits for it
 */
#ifndef UPCALLD_DAEMON_CONFIG_H
#define UPCALLD_DAEMON_CONFIG_H

#include "config.h"

#define IDLE_SEC     30
#define IDLE_SEC_MAX 86400

struct daemon_config {
	unsigned int idle_sec;
	bool idle_set; /* a file said so: else it depends on how the daemon was started */
	bool require_shim;
};

#define DAEMON_CONFIG_DEFAULT ((struct daemon_config){ .idle_sec = IDLE_SEC, .require_shim = true })

/* Add what `text` says. -EINVAL: `error` says FILE:LINE: reason; -ENOMEM. */
int daemon_config_parse(struct daemon_config *config, const char *file, const char *text,
			size_t size, struct config_observer *observer,
			char error[CONFIG_ERROR_SIZE]);

/* Where it is, if nobody says otherwise; for strv_free(). */
int daemon_config_directories(char ***ret);
/* *ret as the files say, or, with an error, as it was. */
int daemon_config_load(char *const *directories, struct daemon_config *ret,
		       char error[CONFIG_ERROR_SIZE]);

/*
 * The same, and everything told; a setting with NULL for the policy. 0, also if
 * all is bad, as what was told says: *ret is the defaults then; or -ENOMEM.
 */
int daemon_config_observe(char *const *directories, struct config_observer *observer,
			  struct daemon_config *ret);
/* Is the file of that path the daemon's, and no policy? By its name. */
bool daemon_config_is(const char *path);
/* One file, wherever it is and whoever owns it. */
int daemon_config_observe_file(const char *path, struct config_observer *observer);

#endif
