// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replies of DNS servers (daemon/handlers/dns-records.c)
 *
 * A reply is what anybody in the container's network sent. Servers come by priority,
 * each with a name, and a shorter reply never names more of them.
 */
#include <errno.h>

#include "dns-records.h"
#include "fuzz.h"

static int parse(const uint8_t *data, size_t size, uint16_t type, struct dns_server *servers)
{
	cleanup_free unsigned char *copy = fuzz_copy(data, size);
	int count = dns_servers_parse(copy, size, type, servers);

	property(count == -EBADMSG || (count >= 0 && count <= DNS_SERVERS_MAX));
	return count;
}

static void check(const uint8_t *data, size_t size, uint16_t type)
{
	struct dns_server servers[DNS_SERVERS_MAX], fewer[DNS_SERVERS_MAX];
	int count = parse(data, size, type, servers), shorter;

	for (int i = 0; i < count; i++) {
		size_t length = strnlen(servers[i].name, sizeof(servers[i].name));

		property(length > 0 && length < sizeof(servers[i].name));
		property(i == 0 || servers[i - 1].priority <= servers[i].priority);
		property(type == DNS_TYPE_SRV || (!servers[i].port && !servers[i].priority));
	}
	if (count > 0) {
		shorter = parse(data, size - 1, type, fewer);
		property(shorter <= count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size, DNS_TYPE_SRV);
	check(data, size, DNS_TYPE_AFSDB);
	return 0;
}
