// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SRV (RFC 2782, RFC 5864) and AFSDB (RFC 1183) records
 *
 * A reply is what some server in the container's network chose to send. Every
 * access is checked against its end; names are expanded by c-ares.
 */
#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns-records.h"

#define HEADER_SIZE	    12
#define QUESTION_SIZE	    4
#define RECORD_SIZE	    10
#define SRV_SIZE	    6
#define AFSDB_SIZE	    2
#define AFSDB_CELL_DATABASE 1

struct reader {
	const unsigned char *start;
	size_t size;
	size_t at;
};

struct record {
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	uint16_t length;
};

static int number_read(struct reader *reader, size_t bytes, uint32_t *ret)
{
	uint32_t value = 0;

	if (reader->size - reader->at < bytes)
		return -EBADMSG;
	for (; bytes > 0; bytes--)
		value = value << 8 | reader->start[reader->at++];
	*ret = value;
	return 0;
}

static int short_read(struct reader *reader, uint16_t *ret)
{
	uint32_t value;
	int error = number_read(reader, 2, &value);

	if (error == 0)
		*ret = (uint16_t)value;
	return error;
}

/* room 0: skip it. */
static int name_read(struct reader *reader, char *ret, size_t room)
{
	long used;
	char *name;

	if (reader->at >= reader->size ||
	    ares_expand_name(reader->start + reader->at, reader->start, (int)reader->size, &name,
			     &used) != ARES_SUCCESS)
		return -EBADMSG;
	if (used <= 0 || (size_t)used > reader->size - reader->at ||
	    (room > 0 && strlen(name) >= room)) {
		ares_free_string(name);
		return -EBADMSG;
	}
	if (room > 0)
		memcpy(ret, name, strlen(name) + 1);
	reader->at += (size_t)used;
	ares_free_string(name);
	return 0;
}

static int header_read(struct reader *reader, uint16_t *ret_answers)
{
	uint16_t questions;

	reader->at = 4; /* id and flags: c-ares has looked at them */
	if (reader->size < HEADER_SIZE || short_read(reader, &questions) < 0 ||
	    short_read(reader, ret_answers) < 0)
		return -EBADMSG;
	reader->at = HEADER_SIZE;
	for (; questions > 0; questions--) {
		if (name_read(reader, NULL, 0) < 0 || reader->size - reader->at < QUESTION_SIZE)
			return -EBADMSG;
		reader->at += QUESTION_SIZE;
	}
	return 0;
}

static int record_read(struct reader *reader, struct record *ret)
{
	if (name_read(reader, NULL, 0) < 0 || reader->size - reader->at < RECORD_SIZE ||
	    short_read(reader, &ret->type) < 0 || short_read(reader, &ret->class) < 0 ||
	    number_read(reader, 4, &ret->ttl) < 0 || short_read(reader, &ret->length) < 0 ||
	    reader->size - reader->at < ret->length)
		return -EBADMSG;
	return 0;
}

/* 1: a server; 0: one of another kind. */
static int server_read(struct reader reader, const struct record *record, struct dns_server *server)
{
	uint16_t subtype, weight;

	*server = (struct dns_server){ .ttl = record->ttl };
	if (record->type == DNS_TYPE_AFSDB) {
		if (record->length < AFSDB_SIZE || short_read(&reader, &subtype) < 0)
			return -EBADMSG;
		if (subtype != AFSDB_CELL_DATABASE)
			return 0;
	} else if (record->length < SRV_SIZE || short_read(&reader, &server->priority) < 0 ||
		   short_read(&reader, &weight) < 0 || short_read(&reader, &server->port) < 0) {
		return -EBADMSG;
	}
	if (name_read(&reader, server->name, sizeof(server->name)) < 0)
		return -EBADMSG;
	/* "." says: decidedly not here */
	return server->name[0] != '\0';
}

static int server_compare(const void *left, const void *right)
{
	const struct dns_server *a = left, *b = right;

	return (a->priority > b->priority) - (a->priority < b->priority);
}

int dns_servers_parse(const unsigned char *reply, size_t size, uint16_t type,
		      struct dns_server ret[static DNS_SERVERS_MAX])
{
	struct reader reader = { .start = reply, .size = size };
	uint16_t answers;
	int count = 0;

	if (header_read(&reader, &answers) < 0)
		return -EBADMSG;
	for (; answers > 0 && count < DNS_SERVERS_MAX; answers--) {
		struct record record;
		int found = 0;

		if (record_read(&reader, &record) < 0)
			return -EBADMSG;
		if (record.type == type && record.class == DNS_CLASS_IN)
			found = server_read(reader, &record, &ret[count]);
		if (found < 0)
			return found;
		count += found;
		reader.at += record.length;
	}
	qsort(ret, (size_t)count, sizeof(*ret), server_compare);
	return count;
}
