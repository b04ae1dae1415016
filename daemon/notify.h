/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon tells its supervisor, and the watchdog.
 *
 * All of it does nothing where there is no NOTIFY_SOCKET.
 */
#ifndef UPCALLD_NOTIFY_H
#define UPCALLD_NOTIFY_H

#include <ev.h>

struct notify {
	struct ev_loop *loop;
	ev_timer watchdog;
};

void notify_start(struct notify *notify, struct ev_loop *loop);
void notify_stop(struct notify *notify);
void notify_ready(const char *format, ...) __attribute__((format(printf, 1, 2)));
void notify_reloading(void);
void notify_stopping(void);

#endif
