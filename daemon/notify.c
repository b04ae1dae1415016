// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "notify.h"

static void watchdog_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)sd_notify(/* unset_environment= */ 0, "WATCHDOG=1");
}

void notify_start(struct notify *notify, struct ev_loop *loop)
{
	uint64_t usec = 0;

	notify->loop = loop;
	ev_timer_init(&notify->watchdog, watchdog_due, 0., 0.);
	if (sd_watchdog_enabled(/* unset_environment= */ 0, &usec) <= 0 || !usec)
		return;
	ev_timer_set(&notify->watchdog, 0., (double)usec / 2e6);
	ev_timer_again(loop, &notify->watchdog);
}

void notify_stop(struct notify *notify)
{
	if (notify->loop)
		ev_timer_stop(notify->loop, &notify->watchdog);
}

void notify_ready(const char *format, ...)
{
	char status[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(status, sizeof(status), format, args);
	va_end(args);
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_reloading(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
			 (unsigned long long)now.tv_sec * 1000000 +
				 (unsigned long long)now.tv_nsec / 1000);
}

void notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}
