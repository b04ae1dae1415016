// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a handler printed (daemon/worker/payload.c)
 *
 * The first line is the key's description, the second the callout info, the third
 * its type; the rest was printed. What is taken is a payload by another reading of
 * net/dns_resolver, and is taken again as the same.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>

#include "fuzz.h"
#include "payload.h"

static struct tags_text line_take(const char **at, const char *end)
{
	const char *stop = memchr(*at, '\n', (size_t)(end - *at)) ?: end;
	struct tags_text line = { *at, (size_t)(stop - *at) };

	*at = stop < end ? stop + 1 : end;
	return line;
}

static bool is_address(const char *text, int family)
{
	unsigned char bytes[16];

	return inet_pton(family, text, bytes) == 1;
}

/* One member of a list, as the kernel's users would read it. */
static void check_address(char *text, struct tags_text description)
{
	bool afs = description.size >= 6 && !memcmp(description.data, "afsdb:", 6);
	bool four = description.size >= 2 && !memcmp(description.data, "a:", 2);
	bool six = description.size >= 5 && !memcmp(description.data, "aaaa:", 5);
	char *plus = strchr(text, '+');

	if (plus) {
		unsigned long port = strtoul(plus + 1, NULL, 10);

		property(afs && port > 0 && port <= UINT16_MAX);
		*plus = '\0';
	}
	if (text[0] == '[') {
		property(afs && text[strlen(text) - 1] == ']');
		text[strlen(text) - 1] = '\0';
		property(is_address(text + 1, AF_INET6));
		return;
	}
	property((!six && is_address(text, AF_INET)) || (!four && is_address(text, AF_INET6)));
}

static void check_dns(const struct tags_key *key, const struct payload *payload)
{
	cleanup_free char *copy = fuzz_copy(payload->data, payload->size);
	char *rest = copy, *address, *option;

	property(payload->ttl >= 1 && payload->ttl <= PAYLOAD_TTL_MAX);
	property(payload->size > 1 && strlen(copy) == payload->size - 1);
	option = strchr(copy, '#');
	if (option) {
		*option++ = '\0';
		property(!strncmp(option, "dnserror=", 9) && atoi(option + 9) > 0);
	}
	while ((*copy || !option) && (address = strsep(&rest, ",")))
		check_address(address, key->description);
}

/* The bytes that were taken, printed, are taken as the same. */
static void check_again(const struct tags_key *key, const struct payload *payload, bool dns)
{
	size_t size = payload->size - dns;
	cleanup_free char *copy = malloc(size + 1);
	struct payload again;

	property(copy);
	memcpy(copy, payload->data, size);
	property(payload_parse(key, copy, size, &again) == 0);
	property(again.size == payload->size && !memcmp(again.data, payload->data, again.size));
}

static void check_choice(const struct tags_key *key, const char *options, struct payload *payload)
{
	struct payload before = *payload;
	int ret = payload_choose(key, options, payload);

	property(ret == 0 || ret == -ENOKEY);
	if (ret < 0)
		return;
	property(payload->size > 0 && payload->size <= before.size);
	property(payload->data >= before.data && payload->ttl == before.ttl);
	property(payload->data + payload->size <= before.data + before.size);
}

static void check(const struct tags_key *key, const char *options, char *data, size_t size)
{
	bool dns = key->type.size == 12 && !memcmp(key->type.data, "dns_resolver", 12);
	struct payload payload;
	int ret = payload_parse(key, data, size, &payload);

	if (ret < 0) {
		property(ret == -EBADMSG);
		return;
	}
	property(payload.data >= data && payload.data + payload.size <= data + size + dns);
	property(payload.size > 0 && payload.size <= PAYLOAD_MAX + 1);
	property(dns || (payload.data == data && payload.size == size && payload.ttl == 0));
	if (dns)
		check_dns(key, &payload);
	check_again(key, &payload, dns);
	check_choice(key, options, &payload);
	if (dns)
		check_dns(key, &payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct tags_key key = { .present = true };
	struct tags_text line;
	cleanup_free char *options = NULL, *printed = NULL;

	key.description = line_take(&at, end);
	line = line_take(&at, end);
	options = fuzz_text(line.data, line.size);
	key.type = line_take(&at, end);
	size = (size_t)(end - at);
	/* as promised: room for one more byte, and not for two */
	printed = malloc(size + 1);
	property(printed);
	memcpy(printed, at, size);
	check(&key, options, printed, size);
	return 0;
}
