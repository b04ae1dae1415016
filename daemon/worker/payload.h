/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a handler printed, as a key's payload.
 *
 * The text comes from inside a container and goes into a cache of the kernel's:
 * it is taken only in a form that the key's type can hold. Pure functions.
 */
#ifndef UPCALL_WORKER_PAYLOAD_H
#define UPCALL_WORKER_PAYLOAD_H

#include <stddef.h>

#include "tags.h"

#define PAYLOAD_MAX	    (64 * 1024)
#define PAYLOAD_TTL_DEFAULT 600
#define PAYLOAD_TTL_MAX	    3600

struct payload {
	char *data; /* in the given buffer */
	size_t size;
	unsigned int ttl; /* seconds; 0: this type's keys do not expire by our hand */
};

/*
 * `data` has room for size + 1 bytes. dns_resolver: "[ttl=SECONDS\n]" and then a
 * list of addresses as the query in the description asks for, and/or
 * #dnserror=N; it is given the NUL that the kernel wants. Other types: any
 * bytes but none. -EBADMSG: no payload of that type.
 */
int payload_parse(const struct tags_key *key, char *data, size_t size, struct payload *ret);

/*
 * The kernel's users of host addresses parse one and no list, unless the callout
 * info says "list"; "ipv4" and "ipv6" say which. -ENOKEY: none of that family.
 */
int payload_choose(const struct tags_key *key, const char *options, struct payload *payload);

#endif
