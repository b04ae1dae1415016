/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where upcalls come from: an interface, because there will be other sources
 * than the shim.
 *
 * A source may announce the same upcall several times; the client tells them
 * apart by id and generation.
 */
#ifndef UPCALLD_SOURCE_H
#define UPCALLD_SOURCE_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "tags.h"

struct source;

struct source_client {
	/* Somebody waits. The tags are the source's, and gone after the call. */
	void (*offered)(struct source_client *client, const struct tags *tags);
	/* The client has this upcall, in this generation, and will deal with it. */
	bool (*knows)(struct source_client *client, uint64_t id, uint32_t generation);
};

struct source_counters {
	uint64_t enobufs;
	uint64_t bad_sender;
	uint64_t malformed;
};

struct source_vtable {
	const char *name;
	/* Become the one who is told. -EBUSY: somebody else is; nothing has changed then. */
	int (*subscribe)(struct source *source);
	/* After subscribe(). Upcalls that wait already are announced before it returns. */
	int (*start)(struct source *source, struct source_client *client);
	/* No announcement comes after it. */
	void (*stop)(struct source *source);
	void (*counters)(const struct source *source, struct source_counters *ret);
	struct source *(*free)(struct source *source);
};

struct source {
	const struct source_vtable *vtable;
};

/* NULL is a source that never has anything. */
static inline void source_stop(struct source *source)
{
	if (source)
		source->vtable->stop(source);
}

static inline struct source *source_free(struct source *source)
{
	return source ? source->vtable->free(source) : NULL;
}

/* The kernel's half: events on netlink, the device as a backstop. No fd is consumed. */
struct source *source_shim_new(struct ev_loop *loop, int shim_fd, int netlink_fd);

#endif
