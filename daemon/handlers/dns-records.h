/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records that c-ares does not parse for us. */
#ifndef UPCALL_DNS_RECORDS_H
#define UPCALL_DNS_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#define DNS_TYPE_AFSDB	18
#define DNS_TYPE_SRV	33
#define DNS_CLASS_IN	1
#define DNS_NAME_LEN	256
#define DNS_SERVERS_MAX 16

struct dns_server {
	char name[DNS_NAME_LEN];
	uint16_t port; /* 0: the service's own */
	uint16_t priority;
	uint32_t ttl;
};

/*
 * The servers that a reply to a query for SRV or AFSDB (cell database servers
 * only) names, by priority. Returns how many, at most DNS_SERVERS_MAX, or -EBADMSG.
 */
int dns_servers_parse(const unsigned char *reply, size_t size, uint16_t type,
		      struct dns_server ret[static DNS_SERVERS_MAX]);

#endif
