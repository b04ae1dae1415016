// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What ends the daemon: signals, and idleness
 *
 * Ending is cheap: the kernel keeps what waits, and handlers that run are its
 * and their worker's. Only results that come soon are waited for, for the record.
 */
#include <signal.h>

#include "daemon.h"

#define DRAIN_TICK  .1
#define DRAIN_TICKS 20

static void stop_now(struct daemon *daemon)
{
	ev_break(daemon->loop, EVBREAK_ALL);
}

static void drain_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct daemon *daemon = container_of(timer, struct daemon, drain);

	if (!queue_has_handed(&daemon->queue) || !--daemon->drain_left)
		stop_now(daemon);
}

/* Nothing new; results that come soon are still recorded. The kernel keeps the rest. */
static void drain(struct daemon *daemon)
{
	if (daemon->drain_left) {
		stop_now(daemon);
		return;
	}
	notify_stopping();
	source_stop(daemon->source);
	control_stop(&daemon->control);
	daemon->drain_left = DRAIN_TICKS;
	ev_timer_again(daemon->loop, &daemon->drain);
	if (!queue_has_handed(&daemon->queue))
		stop_now(daemon);
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
	drain(container_of(watcher, struct daemon, on_term));
}

static void on_int(struct ev_loop *loop, ev_signal *watcher, int events)
{
	drain(container_of(watcher, struct daemon, on_int));
}

static void on_hup(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)daemon_reload(container_of(watcher, struct daemon, on_hup));
}

static uint64_t activity(const struct daemon *daemon)
{
	return daemon->queue.seen + daemon->control.accepted;
}

static bool is_busy(const struct daemon *daemon)
{
	return queue_pending(&daemon->queue) || queue_has_handed(&daemon->queue) ||
	       daemon->control.count || daemon->launcher->vtable->busy(daemon->launcher) ||
	       daemon->records.suppressed;
}

/* What has happened since the last look costs nothing to notice then. */
static void idle_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct daemon *daemon = container_of(timer, struct daemon, idle);
	uint64_t now = activity(daemon);

	if (!is_busy(daemon) && now == daemon->idle_activity) {
		notify_stopping();
		stop_now(daemon);
	}
	daemon->idle_activity = now;
}

static unsigned int idle_seconds(const struct daemon *daemon)
{
	if (daemon->options->idle_given)
		return daemon->options->idle_seconds;
	if (daemon->options->standalone && !daemon->own.idle_set)
		return 0;
	return daemon->own.idle_sec;
}

void daemon_set_idle(struct daemon *daemon)
{
	daemon->idle.repeat = idle_seconds(daemon);
	/* stops it where that is 0 */
	ev_timer_again(daemon->loop, &daemon->idle);
}

void daemon_watch(struct daemon *daemon)
{
	ev_signal_init(&daemon->on_term, on_term, SIGTERM);
	ev_signal_init(&daemon->on_int, on_int, SIGINT);
	ev_signal_init(&daemon->on_hup, on_hup, SIGHUP);
	ev_timer_init(&daemon->idle, idle_look, 0., 0.);
	ev_timer_init(&daemon->drain, drain_tick, 0., DRAIN_TICK);
	ev_signal_start(daemon->loop, &daemon->on_term);
	ev_signal_start(daemon->loop, &daemon->on_int);
	ev_signal_start(daemon->loop, &daemon->on_hup);
}

void daemon_unwatch(struct daemon *daemon)
{
	ev_timer_stop(daemon->loop, &daemon->drain);
	ev_timer_stop(daemon->loop, &daemon->idle);
	ev_signal_stop(daemon->loop, &daemon->on_hup);
	ev_signal_stop(daemon->loop, &daemon->on_int);
	ev_signal_stop(daemon->loop, &daemon->on_term);
}
