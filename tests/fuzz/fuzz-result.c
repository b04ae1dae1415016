// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Results of a worker (daemon/worker-link.c), and what is said of them (daemon/record.c)
 *
 * Anything but whole results of our version ends the connection, once.
 */
#include <errno.h>
#include <ev.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "list.h"
#include "worker-link.h"

struct client {
	struct worker_link_client link_client;
	unsigned int results, closed;
};

static void result(struct worker_link_client *link_client, const struct worker_result *result)
{
	struct client *client = container_of(link_client, struct client, link_client);

	property(!client->closed && result->protocol == WORKER_PROTOCOL);
	client->results++;
}

static void writable(struct worker_link_client *client)
{
}

static void closed(struct worker_link_client *link_client)
{
	container_of(link_client, struct client, link_client)->closed++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client client = { .link_client = { result, writable, closed } };
	struct worker_result whole = { 0 };
	struct worker_link link;
	bool good = size == sizeof(whole);
	static struct ev_loop *loop;
	int sockets[2];

	if (!loop)
		loop = ev_loop_new(EVFLAG_AUTO);
	if (good)
		memcpy(&whole, data, size);
	property(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
	worker_link_init(&link, loop, &client.link_client);
	worker_link_open(&link, sockets[0]);
	if (size > 0)
		property(send(sockets[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) ==
			 (ssize_t)size);
	close(sockets[1]);
	for (int i = 0; i < 4 && !client.closed; i++)
		ev_run(loop, EVRUN_NOWAIT);
	property(client.closed == 1 && !worker_link_is_open(&link));
	property(client.results == (good && whole.protocol == WORKER_PROTOCOL));
	return 0;
}
