// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Payloads
 *
 * For dns_resolver, what net/dns_resolver/dns_key.c and its users accept: text
 * with a NUL, addresses separated by commas, afsdb ones with "+port" and
 * optionally in brackets, then options after '#', of which there is one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "parse.h"
#include "payload.h"

#define DNS_ERROR_OPTION "dnserror="
#define DNS_ERROR_MAX	 511
#define ADDRESS_MAX	 64 /* bytes, with brackets and port */

enum family {
	FAMILY_4 = 1,
	FAMILY_6 = 2,
	FAMILY_BOTH = FAMILY_4 | FAMILY_6,
};

struct query {
	enum family families;
	bool afs;
};

static bool text_equals(const char *text, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(text, word, size) == 0;
}

static bool key_is_dns(const struct tags_key *key)
{
	return text_equals(key->type.data, key->type.size, "dns_resolver");
}

/* "[QUERY:]NAME"; a query that we do not know has no form that we could check. */
static int query_parse(struct tags_text description, struct query *ret)
{
	const char *text = description.data;
	const char *colon = description.size ? memchr(text, ':', description.size) : NULL;
	size_t size = colon ? (size_t)(colon - text) : 0;

	*ret = (struct query){ .families = FAMILY_BOTH };
	if (!colon)
		return 0;
	if (text_equals(text, size, "a"))
		ret->families = FAMILY_4;
	else if (text_equals(text, size, "aaaa"))
		ret->families = FAMILY_6;
	else if (text_equals(text, size, "afsdb"))
		ret->afs = true;
	else
		return -EBADMSG;
	return 0;
}

/* FAMILY_4, FAMILY_6 or 0. inet_pton() wants text with an end. */
static enum family literal_family(const char *text, size_t size)
{
	char literal[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (size == 0 || size >= sizeof(literal))
		return 0;
	memcpy(literal, text, size);
	literal[size] = '\0';
	if (inet_pton(AF_INET, literal, &address) == 1)
		return FAMILY_4;
	return inet_pton(AF_INET6, literal, &address) == 1 ? FAMILY_6 : 0;
}

/* LITERAL, or for afs also [LITERAL] and either with +PORT. */
static enum family address_family(const char *text, size_t size, bool afs)
{
	const char *plus = memchr(text, '+', size);
	uint64_t port;

	if (afs && plus) {
		const char *digits = plus + 1;

		if (parse_number(digits, (size_t)(text + size - digits), UINT16_MAX, &port) < 0 ||
		    port == 0)
			return 0;
		size = (size_t)(plus - text);
	}
	if (afs && size > 2 && text[0] == '[' && text[size - 1] == ']')
		return literal_family(text + 1, size - 2) == FAMILY_6 ? FAMILY_6 : 0;
	return literal_family(text, size);
}

static int list_check(const char *text, size_t size, const struct query *query)
{
	for (;;) {
		const char *comma = memchr(text, ',', size);
		size_t length = comma ? (size_t)(comma - text) : size;

		if (length > ADDRESS_MAX ||
		    !(address_family(text, length, query->afs) & query->families))
			return -EBADMSG;
		if (!comma)
			return 0;
		text += length + 1;
		size -= length + 1;
	}
}

static int option_check(const char *text, size_t size)
{
	const size_t name = strlen(DNS_ERROR_OPTION);
	uint64_t number;

	if (size <= name || memcmp(text, DNS_ERROR_OPTION, name) != 0 ||
	    parse_number(text + name, size - name, DNS_ERROR_MAX, &number) < 0 || number == 0)
		return -EBADMSG;
	return 0;
}

static int dns_check(struct tags_text description, const char *text, size_t size)
{
	const char *option = memchr(text, '#', size);
	size_t list = option ? (size_t)(option - text) : size;
	struct query query;
	int ret;

	/* the checks below would stop there, and the kernel would not */
	if (memchr(text, '\0', size))
		return -EBADMSG;
	ret = query_parse(description, &query);
	if (ret == 0 && option)
		ret = option_check(option + 1, size - list - 1);
	if (ret == 0 && (list > 0 || !option))
		ret = list_check(text, list, &query);
	return ret;
}

/* Takes a first line "ttl=SECONDS" off. */
static int ttl_take(char **data, size_t *size, unsigned int *ret)
{
	static const char name[] = "ttl=";
	const size_t skip = sizeof(name) - 1;
	const char *end = memchr(*data, '\n', *size);
	uint64_t ttl;

	*ret = PAYLOAD_TTL_DEFAULT;
	if (*size < skip || memcmp(*data, name, skip) != 0)
		return 0;
	if (!end || parse_number(*data + skip, (size_t)(end - *data) - skip, UINT32_MAX, &ttl) < 0)
		return -EBADMSG;
	if (ttl < 1)
		ttl = 1;
	*ret = ttl > PAYLOAD_TTL_MAX ? PAYLOAD_TTL_MAX : (unsigned int)ttl;
	*size -= (size_t)(end + 1 - *data);
	*data += end + 1 - *data;
	return 0;
}

int payload_parse(const struct tags_key *key, char *data, size_t size, struct payload *ret)
{
	unsigned int ttl = 0;
	int error;

	if (size == 0 || size > PAYLOAD_MAX)
		return -EBADMSG;
	if (key_is_dns(key)) {
		error = ttl_take(&data, &size, &ttl);
		if (error < 0)
			return error;
		if (size > 0 && data[size - 1] == '\n')
			size--;
		error = dns_check(key->description, data, size);
		if (error < 0)
			return error;
		data[size++] = '\0';
	}
	*ret = (struct payload){ .data = data, .size = size, .ttl = ttl };
	return 0;
}

static bool option_is_set(const char *options, const char *word)
{
	while (*options) {
		size_t size = strcspn(options, " \t\n,");

		if (text_equals(options, size, word))
			return true;
		options += size;
		options += *options != '\0';
	}
	return false;
}

static enum family options_families(const char *options)
{
	bool ipv4 = option_is_set(options, "ipv4"), ipv6 = option_is_set(options, "ipv6");

	if (ipv4 == ipv6)
		return FAMILY_BOTH;
	return ipv4 ? FAMILY_4 : FAMILY_6;
}

int payload_choose(const struct tags_key *key, const char *options, struct payload *payload)
{
	enum family families = options_families(options);
	char *text = payload->data;
	struct query query;

	if (!key_is_dns(key) || query_parse(key->description, &query) < 0 || query.afs ||
	    option_is_set(options, "list") || memchr(text, '#', payload->size))
		return 0;
	for (;;) {
		size_t length = strcspn(text, ",");

		if (literal_family(text, length) & families) {
			text[length] = '\0';
			payload->data = text;
			payload->size = length + 1;
			return 0;
		}
		if (text[length] == '\0')
			return -ENOKEY;
		text += length + 1;
	}
}
