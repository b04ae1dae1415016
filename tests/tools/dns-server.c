// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A DNS server that knows one name and answers when it is told to
 *
 * dns-server PORT NAME ADDRESS LOG [GATE]
 *
 * Answers A queries for NAME with ADDRESS, SRV queries for a name below it with
 * port 7003 of NAME, other queries for either with no data, and everything else
 * with NXDOMAIN. Writes each question to LOG, which is there once it listens. Where
 * GATE is given, no answer is sent until that file exists, so that a test can look
 * at who asks.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER = 12,
	TYPE_A = 1,
	TYPE_SRV = 33,
	TTL = 60,
	NXDOMAIN = 3,
	ROOM = 1024
};

/* The question's name as text. Returns the offset behind it, 0 if it is malformed. */
static size_t name_read(const uint8_t *packet, size_t size, char *text, size_t room)
{
	size_t at = HEADER, out = 0;

	while (at < size && packet[at]) {
		size_t length = packet[at++];

		if (length > 63 || at + length > size || out + length + 2 > room)
			return 0;
		if (out)
			text[out++] = '.';
		memcpy(text + out, packet + at, length);
		out += length;
		at += length;
	}
	text[out] = '\0';
	return at < size ? at + 1 : 0;
}

static size_t name_write(uint8_t *out, const char *text)
{
	size_t at = 0;

	while (*text) {
		size_t length = strcspn(text, ".");

		out[at++] = (uint8_t)length;
		memcpy(out + at, text, length);
		at += length;
		text += length + (text[length] == '.');
	}
	out[at++] = 0;
	return at;
}

static size_t put16(uint8_t *out, unsigned int value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
	return 2;
}

static int name_is_below(const char *name, const char *zone)
{
	size_t length = strlen(name), tail = strlen(zone);

	return length > tail && name[length - tail - 1] == '.' &&
	       !strcasecmp(name + length - tail, zone);
}

/* One answer record behind the question; returns its size, 0 for none. */
static size_t record_write(uint8_t *out, unsigned int type, const char *question, const char *name,
			   const char *address)
{
	uint8_t data[300];
	size_t size = 0, at = 0;

	if (type == TYPE_A && !strcasecmp(question, name)) {
		size = inet_pton(AF_INET, address, data) == 1 ? 4 : 0;
	} else if (type == TYPE_SRV && name_is_below(question, name)) {
		size += put16(data, 0);
		size += put16(data + size, 0);
		size += put16(data + size, 7003);
		size += name_write(data + size, name);
	}
	if (!size)
		return 0;
	at += put16(out, 0xc000 | HEADER); /* the name: as in the question */
	at += put16(out + at, type);
	at += put16(out + at, 1);
	at += put16(out + at, 0);
	at += put16(out + at, TTL);
	at += put16(out + at, (unsigned int)size);
	memcpy(out + at, data, size);
	return at + size;
}

static void gate_wait(const char *gate)
{
	const struct timespec pause = { .tv_nsec = 20000000 };

	while (gate && access(gate, F_OK))
		nanosleep(&pause, NULL);
}

static int log_write(const char *path, const char *format, ...)
{
	FILE *log = fopen(path, "a");
	va_list args;

	if (!log)
		return -1;
	va_start(args, format);
	vfprintf(log, format, args);
	va_end(args);
	return fclose(log);
}

/* Turns the query in `packet` into its response; returns its size, 0 for no answer. */
static size_t respond(uint8_t *packet, size_t size, char **argv)
{
	char question[256];
	size_t at, record;
	unsigned int type;

	if (size < HEADER)
		return 0;
	at = name_read(packet, size, question, sizeof(question));
	if (!at || at + 4 > size || at + 4 + 320 > ROOM)
		return 0;
	type = (unsigned int)packet[at] << 8 | packet[at + 1];
	(void)log_write(argv[4], "%u %s\n", type, question);
	at += 4;
	record = record_write(packet + at, type, question, argv[2], argv[3]);
	packet[2] = 0x84;
	packet[3] = 0x80;
	if (strcasecmp(question, argv[2]) && !name_is_below(question, argv[2]))
		packet[3] |= NXDOMAIN;
	put16(packet + 6, record ? 1 : 0);
	put16(packet + 8, 0);
	put16(packet + 10, 0); /* the query's EDNS record is not repeated */
	return at + record;
}

int main(int argc, char **argv)
{
	struct sockaddr_in local = { .sin_family = AF_INET };
	int fd;

	if (argc < 5) {
		fprintf(stderr, "usage: dns-server PORT NAME ADDRESS LOG [GATE]\n");
		return 2;
	}
	local.sin_port = htons((uint16_t)atoi(argv[1]));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local))) {
		perror("dns-server: bind");
		return 1;
	}
	if (log_write(argv[4], "%s", "") < 0) {
		perror(argv[4]);
		return 1;
	}
	for (;;) {
		struct sockaddr_in peer;
		socklen_t length = sizeof(peer);
		uint8_t packet[ROOM];
		ssize_t size = recvfrom(fd, packet, 512, 0, (struct sockaddr *)&peer, &length);

		if (size < 0)
			continue;
		size = (ssize_t)respond(packet, (size_t)size, argv);
		gate_wait(argc > 5 ? argv[5] : NULL);
		if (size)
			sendto(fd, packet, (size_t)size, 0, (struct sockaddr *)&peer, length);
	}
}
