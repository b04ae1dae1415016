// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>

#include "bus-loop.h"
#include "list.h"
#include "priority.h"

/* One connection must not keep the loop from the others. */
#define TURNS_MAX 64

static void set_timer(struct bus_loop *bus_loop, double seconds)
{
	ev_timer_stop(bus_loop->loop, &bus_loop->timer);
	ev_timer_set(&bus_loop->timer, seconds, 0.);
	ev_timer_start(bus_loop->loop, &bus_loop->timer);
}

static void dispatch(struct bus_loop *bus_loop)
{
	const int turns = bus_loop->modest ? 1 : TURNS_MAX;
	int ret = 0;

	bus_loop->dispatching = true;
	for (int i = 0; i < turns && !bus_loop->finished; i++) {
		if (bus_loop->readable)
			bus_loop->readable(bus_loop);
		ret = bus_loop->finished ? 0 : sd_bus_process(bus_loop->bus, NULL);
		if (ret <= 0)
			break;
	}
	bus_loop->dispatching = false;
	if (ret < 0 || bus_loop->finished) {
		bus_loop->broken(bus_loop, ret < 0 ? ret : 0);
		return;
	}
	bus_loop_update(bus_loop);
	/* what has been read and not looked at, as behind the handshake, no fd tells of */
	if (ret > 0)
		set_timer(bus_loop, 0.);
}

static void ready(struct watch *watch)
{
	dispatch(container_of(watch, struct bus_loop, watch));
}

static void time_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	dispatch(container_of(timer, struct bus_loop, timer));
}

static double seconds_until(uint64_t usec)
{
	struct timespec now;
	uint64_t now_us;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	return usec > now_us ? (double)(usec - now_us) / 1e6 : 0.;
}

void bus_loop_update(struct bus_loop *bus_loop)
{
	uint64_t timeout = UINT64_MAX;
	int fd, events;

	if (!bus_loop->bus || bus_loop->dispatching)
		return;
	fd = sd_bus_get_fd(bus_loop->bus);
	events = sd_bus_get_events(bus_loop->bus);
	if (fd < 0 || events < 0 || bus_loop->finished) {
		/* not from in here: broken() may free what the caller works with */
		watch_stop(&bus_loop->watch);
		set_timer(bus_loop, 0.);
		return;
	}
	watch_start(&bus_loop->watch, fd,
		    (events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0));
	ev_timer_stop(bus_loop->loop, &bus_loop->timer);
	if (sd_bus_get_timeout(bus_loop->bus, &timeout) >= 0 && timeout != UINT64_MAX)
		set_timer(bus_loop, seconds_until(timeout));
}

void bus_loop_finish(struct bus_loop *bus_loop)
{
	bus_loop->finished = true;
	bus_loop_update(bus_loop);
}

void bus_loop_start(struct bus_loop *bus_loop, struct ev_loop *loop, sd_bus *bus)
{
	bus_loop->loop = loop;
	bus_loop->bus = bus;
	bus_loop->finished = false;
	watch_init(&bus_loop->watch, loop, "a bus connection", ready, PRIORITY_CONTROL);
	ev_timer_init(&bus_loop->timer, time_over, 0., 0.);
	bus_loop_update(bus_loop);
}

void bus_loop_stop(struct bus_loop *bus_loop)
{
	if (!bus_loop->bus)
		return;
	watch_stop(&bus_loop->watch);
	ev_timer_stop(bus_loop->loop, &bus_loop->timer);
	/* what could not be sent yet is not waited for */
	sd_bus_close(bus_loop->bus);
	bus_loop->bus = sd_bus_unref(bus_loop->bus);
}
