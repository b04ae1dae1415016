// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Datagrams of generic netlink (daemon/events.c)
 *
 * Each message is delivered or counted as malformed; all that are delivered are of
 * one family; nothing is read behind the datagram.
 */
#include <linux/netlink.h>

#include "events.h"
#include "fuzz.h"
#include "list.h"

struct reader {
	struct events_reader reader;
	const char *data;
	size_t size;
	unsigned int seen;
};

static void check_text(const struct reader *reader, struct tags_text text)
{
	property(!text.size || (text.data >= reader->data &&
				text.data + text.size <= reader->data + reader->size));
}

static void event(struct events_reader *events_reader, const struct tags *tags)
{
	struct reader *reader = container_of(events_reader, struct reader, reader);

	reader->seen++;
	property(tags->class < UPCALL_CLASS_COUNT);
	check_text(reader, tags->path);
	check_text(reader, tags->comm);
	check_text(reader, tags->argv);
	check_text(reader, tags->envp);
	check_text(reader, tags->release_cgroup);
	check_text(reader, tags->key.type);
	check_text(reader, tags->key.description);
}

static void nothing(struct events_reader *reader)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *copy = fuzz_copy(data, size);
	struct reader reader = { { event, nothing, nothing }, copy, size, 0 };
	struct events events = { .reader = &reader.reader };
	uint64_t malformed;

	events_parse(&events, copy, size);
	property(reader.seen + events.malformed >= 1);
	property(reader.seen + events.malformed <= 1 + size / sizeof(struct nlmsghdr));
	property(!reader.seen || events.type >= NLMSG_MIN_TYPE);
	property(events.enobufs == 0 && events.bad_sender == 0 && events.truncated == 0);
	/* another family's from now on: nothing of it is delivered */
	if (reader.seen) {
		malformed = events.malformed;
		events.type++;
		reader.seen = 0;
		events_parse(&events, copy, size);
		property(reader.seen + events.malformed - malformed >= 1);
	}
	return 0;
}
