/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An sd-bus connection in our loop
 *
 * sd-bus says what it waits for; that changes with everything that is done to
 * it, so bus_loop_update() follows each use from outside. Inside callbacks of
 * the bus that is done already. A callback must not free the bus_loop: it says
 * bus_loop_finish(), and broken() is called once the bus has let go.
 */
#ifndef UPCALLD_BUS_LOOP_H
#define UPCALLD_BUS_LOOP_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "watch.h"

struct bus_loop {
	struct ev_loop *loop;
	sd_bus *bus; /* reference */
	struct watch watch;
	ev_timer timer;
	bool dispatching;
	bool modest; /* one message a turn of the loop: what it asks for may be dear */
	bool finished;
	/* Before each turn, with what there is to read; may say bus_loop_finish(). Or NULL. */
	void (*readable)(struct bus_loop *bus_loop);
	/* The connection is of no use any more; the owner may free everything. */
	void (*broken)(struct bus_loop *bus_loop, int error);
};

/* Consumes the reference to the bus. */
void bus_loop_start(struct bus_loop *bus_loop, struct ev_loop *loop, sd_bus *bus);
/* After the bus was used from outside its callbacks. Calls nobody. */
void bus_loop_update(struct bus_loop *bus_loop);
void bus_loop_finish(struct bus_loop *bus_loop);
/* Drops the bus, at once. Harmless if it was not started. */
void bus_loop_stop(struct bus_loop *bus_loop);

#endif
