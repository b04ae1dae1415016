// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "notify.h"

/*
 * A word to the supervisor takes a socket of its own. Where peers have used up all
 * descriptors there would be none, and the watchdog would end a daemon that works:
 * so there is always one that is given back for it.
 */
static int spare_fd = -1;

static void spare_take(void)
{
	if (spare_fd < 0)
		spare_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
}

static void say(const char *state)
{
	spare_fd = close_keep_errno(spare_fd);
	(void)sd_notify(/* unset_environment= */ 0, state);
	spare_take();
}

static void watchdog_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	say("WATCHDOG=1");
}

void notify_start(struct notify *notify, struct ev_loop *loop)
{
	uint64_t usec = 0;

	notify->loop = loop;
	spare_take();
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
	spare_fd = close_keep_errno(spare_fd);
}

void notify_ready(const char *format, ...)
{
	char status[256], state[sizeof(status) + 32];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(status, sizeof(status), format, args);
	va_end(args);
	(void)snprintf(state, sizeof(state), "READY=1\nSTATUS=%s", status);
	say(state);
}

void notify_reloading(void)
{
	struct timespec now;
	char state[64];

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		       (unsigned long long)now.tv_sec * 1000000 +
			       (unsigned long long)now.tv_nsec / 1000);
	say(state);
}

void notify_stopping(void)
{
	say("STOPPING=1");
}
