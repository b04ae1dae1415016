/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: one loop and everything in it
 *
 * Parts are embedded and built in the order of the struct; each uses only what
 * stands above it. Teardown is the reverse.
 */
#ifndef UPCALLD_DAEMON_H
#define UPCALLD_DAEMON_H

#include <ev.h>

#include "activation.h"
#include "config.h"
#include "control.h"
#include "counters.h"
#include "daemon-config.h"
#include "launcher.h"
#include "notify.h"
#include "queue.h"
#include "record.h"
#include "registry.h"
#include "source.h"
#include "upcall.h"

#define DAEMON_ERROR_SIZE 512

struct options {
	bool standalone;
	bool idle_given;
	unsigned int idle_seconds; /* 0: never */
	char **config_dirs;	   /* of policies; later ones win */
	char **daemon_dirs;	   /* of upcalld.conf; later ones win */
	const char *state_dir;
	const char *worker_path; /* standalone only */
};

struct daemon {
	const struct options *options;
	struct ev_loop *loop;
	struct activation fds;
	struct notify notify;
	struct records records;
	struct counters past;	  /* of daemons before this one */
	struct daemon_config own; /* upcalld.conf */
	struct config *config;
	char config_error[CONFIG_ERROR_SIZE]; /* "": the files are what is in force */
	uint64_t config_read;		    /* when `config` was, in microseconds since the epoch */
	char shim_error[DAEMON_ERROR_SIZE]; /* "": the shim is there and ours */
	struct upcall_version shim;
	int shim_fd; /* fds.device, or -1 if it is of no use */
	struct launcher *launcher;
	struct registry_watcher watcher;
	struct registry registry;
	struct queue queue;
	struct source *source;
	struct control control;
	struct record_watcher record_watcher;
	ev_signal on_term;
	ev_signal on_int;
	ev_signal on_hup;
	ev_timer idle;
	ev_timer drain;
	uint64_t idle_activity; /* as of the last look */
	unsigned int drain_left;
};

/* On failure `error` says why, and there is no daemon. */
int daemon_new(const struct options *options, struct daemon **ret, char error[DAEMON_ERROR_SIZE]);
struct daemon *daemon_free(struct daemon *daemon);
/* Until it is told to end, or is idle. */
void daemon_run(struct daemon *daemon);

/* Since boot. */
void daemon_counters(const struct daemon *daemon, struct counters *ret);

/* Read upcalld.conf and policies again. -EINVAL: all stays as it was, and daemon->config_error says
 * why. */
int daemon_reload(struct daemon *daemon);

/* ---- daemon-end.c: signals, draining, idleness ---- */

void daemon_watch(struct daemon *daemon);
void daemon_unwatch(struct daemon *daemon);
/* Idleness as the options and upcalld.conf say now. */
void daemon_set_idle(struct daemon *daemon);

#endif
