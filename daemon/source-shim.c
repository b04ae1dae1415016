// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Upcalls of the shim
 *
 * The usual path is one event, with all tags. The device is level-triggered: it
 * is readable as long as anything is offered, also what we know and let wait.
 * So its watcher is no place to work in: it starts a short grace, in which the
 * event that belongs to it arrives, then asks for the list; while something
 * known waits, it rests a while before it looks again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "events.h"
#include "journal.h"
#include "list.h"
#include "priority.h"
#include "shim.h"
#include "source.h"

#define LIST_ROOM     128
#define GRACE_SECONDS .02
#define REST_SECONDS  .5
/* Events go first, but not longer than this. */
#define STARVED_SECONDS 1.
/* What fails with each upcall is said once in this time. */
#define QUIET_SECONDS 10.

struct source_shim {
	struct source source;
	struct ev_loop *loop;
	struct source_client *client;
	struct events_reader reader;
	struct events events;
	ev_io device;
	ev_timer grace;
	ev_timer rest;
	int shim_fd;
	int netlink_fd;
	double listed_at;
	double complained_at;
	unsigned int complaints; /* since then, not said */
};

static void complain(struct source_shim *shim, const char *what, int error)
{
	if (shim->complained_at > 0. && clock_since(shim->complained_at) < QUIET_SECONDS) {
		shim->complaints++;
		return;
	}
	if (shim->complaints)
		journal_log(LOG_WARNING, "%u failures like the last were left out",
			    shim->complaints);
	journal_log(LOG_WARNING, "%s: %s", what, strerror(-error));
	shim->complaints = 0;
	shim->complained_at = clock_now();
}

static void fetch(struct source_shim *shim, const struct upcall_list_entry *entry)
{
	struct shim_info info = SHIM_INFO_NULL;
	int ret;

	ret = shim_info(shim->shim_fd, entry->id, entry->generation, &info);
	if (ret < 0) {
		/* its requester may have gone since */
		if (ret != -ESTALE && ret != -ENOENT)
			complain(shim, "An upcall cannot be read", ret);
		return;
	}
	shim->client->offered(shim->client, &info.tags);
	shim_info_clear(&info);
}

/* Returns true if anything is offered. */
static bool list_all(struct source_shim *shim)
{
	struct upcall_list_entry entries[LIST_ROOM];
	bool offered = false;
	uint64_t after = 0;
	int count;

	do {
		count = shim_list(shim->shim_fd, after, entries, LIST_ROOM);
		for (int i = 0; i < count; i++) {
			after = entries[i].id;
			if (entries[i].state != UPCALL_STATE_OFFERED)
				continue;
			offered = true;
			if (!shim->client->knows(shim->client, after, entries[i].generation))
				fetch(shim, &entries[i]);
		}
	} while (count == LIST_ROOM);
	if (count < 0)
		complain(shim, "The kernel does not list its upcalls", count);
	shim->listed_at = clock_now();
	return offered || count < 0;
}

static void start_timer(struct source_shim *shim, ev_timer *timer, ev_tstamp seconds)
{
	ev_timer_stop(shim->loop, timer);
	ev_timer_set(timer, seconds, 0.);
	ev_timer_start(shim->loop, timer);
}

static void device_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct source_shim *shim = container_of(io, struct source_shim, device);

	ev_io_stop(loop, io);
	/* what cannot be watched is asked now and then */
	if (revents & EV_ERROR)
		watch_complain("the device");
	start_timer(shim, &shim->grace, revents & EV_ERROR ? REST_SECONDS : GRACE_SECONDS);
}

static void grace_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct source_shim *shim = container_of(timer, struct source_shim, grace);

	if (list_all(shim))
		start_timer(shim, &shim->rest, REST_SECONDS);
	else
		ev_io_start(loop, &shim->device);
}

static void rest_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct source_shim *shim = container_of(timer, struct source_shim, rest);

	ev_io_start(loop, &shim->device);
}

/* ------------------------------------------------------------------ events */

static void event(struct events_reader *reader, const struct tags *tags)
{
	struct source_shim *shim = container_of(reader, struct source_shim, reader);

	shim->client->offered(shim->client, tags);
}

static void lost(struct events_reader *reader)
{
	struct source_shim *shim = container_of(reader, struct source_shim, reader);

	(void)list_all(shim);
}

/*
 * The device was ready for the same reason; if there is another, it will be
 * again. Not for ever: whoever makes events without end must not keep what was
 * lost from being found. One that is pending but not active could not be watched,
 * and that must not be forgotten.
 */
static void done(struct events_reader *reader)
{
	struct source_shim *shim = container_of(reader, struct source_shim, reader);

	if (ev_is_active(&shim->device) && clock_since(shim->listed_at) < STARVED_SECONDS)
		(void)ev_clear_pending(shim->loop, &shim->device);
}

/* --------------------------------------------------------------- interface */

static int shim_subscribe_to(struct source *source)
{
	const struct source_shim *shim = container_of(source, struct source_shim, source);

	return shim_subscribe(shim->shim_fd, shim->netlink_fd);
}

static int shim_start(struct source *source, struct source_client *client)
{
	struct source_shim *shim = container_of(source, struct source_shim, source);
	int ret;

	shim->client = client;
	shim->reader = (struct events_reader){ .event = event, .lost = lost, .done = done };
	ret = events_start(&shim->events, shim->loop, &shim->reader, shim->netlink_fd);
	if (ret < 0)
		return ret;
	ev_io_start(shim->loop, &shim->device);
	/* ORDER: subscribed before the list, or what comes in between waits for the device */
	(void)list_all(shim);
	return 0;
}

static void shim_stop(struct source *source)
{
	struct source_shim *shim = container_of(source, struct source_shim, source);

	events_stop(&shim->events);
	ev_io_stop(shim->loop, &shim->device);
	ev_timer_stop(shim->loop, &shim->grace);
	ev_timer_stop(shim->loop, &shim->rest);
}

static void shim_counters(const struct source *source, struct source_counters *ret)
{
	const struct source_shim *shim = container_of(source, struct source_shim, source);

	ret->enobufs = shim->events.enobufs;
	ret->bad_sender = shim->events.bad_sender;
	ret->malformed = shim->events.malformed + shim->events.truncated;
}

static struct source *shim_free(struct source *source)
{
	shim_stop(source);
	free(container_of(source, struct source_shim, source));
	return NULL;
}

static const struct source_vtable vtable = {
	.name = "shim",
	.subscribe = shim_subscribe_to,
	.start = shim_start,
	.stop = shim_stop,
	.counters = shim_counters,
	.free = shim_free,
};

struct source *source_shim_new(struct ev_loop *loop, int shim_fd, int netlink_fd)
{
	struct source_shim *shim = calloc(1, sizeof(*shim));

	if (!shim)
		return NULL;
	shim->source.vtable = &vtable;
	shim->loop = loop;
	shim->shim_fd = shim_fd;
	shim->netlink_fd = netlink_fd;
	ev_io_init(&shim->device, device_readable, shim_fd, EV_READ);
	ev_set_priority(&shim->device, PRIORITY_DEVICE);
	ev_timer_init(&shim->grace, grace_over, GRACE_SECONDS, 0.);
	ev_timer_init(&shim->rest, rest_over, REST_SECONDS, 0.);
	return &shim->source;
}
