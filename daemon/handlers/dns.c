// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcall-dns DESCRIPTION - the builtin for keys of type dns_resolver
 *
 * Runs inside the container, as its root without any capability, and reads its
 * /etc/hosts and /etc/resolv.conf. It has c-ares and no NSS, so it loads
 * nothing of the container's. What it prints is judged on the host. The system calls
 * that it may make are in daemon/worker/filter.c: others fail with EPERM.
 *
 * DESCRIPTION is "[a:|aaaa:|afsdb:]NAME". Output: "ttl=SECONDS", then addresses
 * with commas, IPv4 first, for afsdb as ADDRESS+PORT. Exit status: 0 answered,
 * 2 there is no such name, 1 could not be asked.
 */
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "dns-records.h"
#include "stood.h"

#define TIMEOUT_MS    2000 /* c-ares lets it grow with each try */
#define TRIES	      2
#define TOTAL_MS      15000 /* less than the worker gives us */
#define TTL_DEFAULT   600
#define ADDRESSES_MAX 64
#define SOCKETS_MAX   16 /* UDP and TCP of each server of resolv.conf, which are few */
#define AFS_VL_PORT   7003

enum status {
	STATUS_ANSWERED = 0,
	STATUS_FAILED = 1,
	STATUS_NO_NAME = 2,
};

struct address {
	char text[INET6_ADDRSTRLEN];
	uint16_t port; /* 0: none is printed */
};

struct answer {
	struct address addresses[ADDRESSES_MAX];
	unsigned int count;
	uint32_t ttl;
};

/* One question to c-ares at a time. */
struct question {
	bool done;
	int status; /* ARES_* */
	struct answer *answer;
	int family; /* AF_UNSPEC: either */
	uint16_t port;
	uint16_t type;
	struct dns_server servers[DNS_SERVERS_MAX];
	int server_count;
};

static int64_t deadline_ms;
static bool stood;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- the wait */

/* What c-ares waits for. One that does not fit is not waited for: its question times out. */
struct watched_sockets {
	struct pollfd fds[SOCKETS_MAX];
	nfds_t count;
};

static struct watched_sockets watched;

/* c-ares tells of every change; neither readable nor writable: it is about to be closed. */
static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	struct watched_sockets *all = data;
	short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
	nfds_t i = 0;

	while (i < all->count && all->fds[i].fd != fd)
		i++;
	if (i == SOCKETS_MAX)
		return;
	if (events)
		all->fds[i] = (struct pollfd){ .fd = fd, .events = events };
	if (events && i == all->count)
		all->count++;
	else if (!events && i < all->count)
		all->fds[i] = all->fds[--all->count];
}

static int wait_ms(ares_channel channel, int64_t left)
{
	struct timeval most = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 }, next;
	const struct timeval *wait = ares_timeout(channel, &most, &next);

	int64_t ms = wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000;

	return (int)(ms < STOOD_LOOK_MS ? ms : STOOD_LOOK_MS);
}

static void socket_serve(ares_channel channel, const struct pollfd *fd)
{
	if (fd->revents)
		ares_process_fd(channel, fd->revents & ~POLLOUT ? fd->fd : ARES_SOCKET_BAD,
				fd->revents & POLLOUT ? fd->fd : ARES_SOCKET_BAD);
}

static void add_what_stood(int64_t since, int wait)
{
	int64_t now = now_ms();

	if (!has_stood(since + wait, now))
		return;
	stood = true;
	deadline_ms += now - since;
}

/* Runs until the question is answered; the total time is bounded for all of them. */
static void question_wait(ares_channel channel, const struct question *question)
{
	while (!question->done) {
		struct watched_sockets now = watched; /* the answers change them */
		int64_t since = now_ms(), left = deadline_ms - since;
		int wait, ready;

		if (left <= 0) {
			ares_cancel(channel);
			return;
		}
		wait = wait_ms(channel, left);
		ready = poll(now.fds, now.count, wait);
		add_what_stood(since, wait);
		if (ready <= 0) {
			ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
			continue;
		}
		for (nfds_t i = 0; i < now.count; i++)
			socket_serve(channel, &now.fds[i]);
	}
}

/* ------------------------------------------------------------ the questions */

static void address_add(struct answer *answer, const struct ares_addrinfo_node *node, uint16_t port)
{
	struct address *address = &answer->addresses[answer->count];
	const void *bytes;

	if (answer->count == ADDRESSES_MAX)
		return;
	if (node->ai_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)node->ai_addr)->sin_addr;
	else if (node->ai_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)node->ai_addr)->sin6_addr;
	else
		return;
	if (!inet_ntop(node->ai_family, bytes, address->text, sizeof(address->text)))
		return;
	address->port = port;
	answer->count++;
	/* /etc/hosts knows no time to live: 0 */
	if (node->ai_ttl > 0 && (uint32_t)node->ai_ttl < answer->ttl)
		answer->ttl = (uint32_t)node->ai_ttl;
}

/* c-ares gives a literal address also where the other family was asked for. */
static bool is_asked_for(const struct question *question, int family)
{
	return question->family == AF_UNSPEC || question->family == family;
}

static void on_addresses(void *argument, int status, int timeouts, struct ares_addrinfo *info)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct question *question = argument;

	(void)timeouts;
	question->done = true;
	question->status = status;
	if (status != ARES_SUCCESS || !info)
		return;
	for (int i = 0; i < 2; i++)
		for (const struct ares_addrinfo_node *node = info->nodes; node;
		     node = node->ai_next)
			if (node->ai_family == families[i] && is_asked_for(question, families[i]))
				address_add(question->answer, node, question->port);
	ares_freeaddrinfo(info);
}

static int addresses_ask(ares_channel channel, const char *name, int family, uint16_t port,
			 struct answer *answer)
{
	/* no service name: that would be a look-up in /etc/services */
	const struct ares_addrinfo_hints hints = {
		.ai_family = family,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = ARES_AI_NOSORT,
	};
	struct question question = {
		.answer = answer,
		.family = family,
		.port = port,
		.status = ARES_ECANCELLED,
	};

	ares_getaddrinfo(channel, name, NULL, &hints, on_addresses, &question);
	question_wait(channel, &question);
	return question.status;
}

static void on_servers(void *argument, int status, int timeouts, unsigned char *reply, int size)
{
	struct question *question = argument;

	(void)timeouts;
	question->done = true;
	question->status = status;
	if (status != ARES_SUCCESS)
		return;
	question->server_count =
		dns_servers_parse(reply, (size_t)size, question->type, question->servers);
	if (question->server_count < 0)
		question->status = ARES_EBADRESP;
}

static int servers_ask(ares_channel channel, const char *name, uint16_t type,
		       struct question *question)
{
	*question = (struct question){ .type = type, .status = ARES_ECANCELLED };
	/*
	 * 1.28 deprecates it, in favour of one that parses the reply: bookworm's 1.18 has no
	 * other, and this reply is parsed by code that is fuzzed.
	 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	ares_query(channel, name, DNS_CLASS_IN, type, on_servers, question);
#pragma GCC diagnostic pop
	question_wait(channel, question);
	return question->status;
}

static bool status_means_no_name(int status)
{
	return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

static int cell_servers_find(ares_channel channel, const char *cell, struct question *question)
{
	char name[DNS_NAME_LEN + 32];
	int status;

	if (snprintf(name, sizeof(name), "_afs3-vlserver._udp.%s", cell) >= (int)sizeof(name))
		return ARES_EBADNAME;
	status = servers_ask(channel, name, DNS_TYPE_SRV, question);
	if (status == ARES_SUCCESS && question->server_count > 0)
		return status;
	if (status != ARES_SUCCESS && !status_means_no_name(status))
		return status;
	status = servers_ask(channel, cell, DNS_TYPE_AFSDB, question);
	return status == ARES_SUCCESS && question->server_count == 0 ? ARES_ENODATA : status;
}

/* A cell's volume location servers. Those that have no address are passed over. */
static int cell_ask(ares_channel channel, const char *cell, struct answer *answer)
{
	struct question servers;
	int status = cell_servers_find(channel, cell, &servers), none = ARES_ENODATA;

	for (int i = 0; status == ARES_SUCCESS && i < servers.server_count; i++) {
		const struct dns_server *server = &servers.servers[i];
		uint16_t port = server->port ? server->port : AFS_VL_PORT;
		int one = addresses_ask(channel, server->name, AF_UNSPEC, port, answer);

		if (server->ttl < answer->ttl)
			answer->ttl = server->ttl;
		if (one != ARES_SUCCESS && !status_means_no_name(one))
			none = one;
		if (one == ARES_ECANCELLED)
			break;
	}
	return status == ARES_SUCCESS && answer->count == 0 ? none : status;
}

static int question_ask(ares_channel channel, const char *description, struct answer *answer)
{
	const char *colon = strchr(description, ':');
	size_t size = colon ? (size_t)(colon - description) : 0;
	const char *name = colon ? colon + 1 : description;

	if (*name == '\0')
		return ARES_EBADNAME;
	if (!colon)
		return addresses_ask(channel, name, AF_UNSPEC, 0, answer);
	if (size == 1 && memcmp(description, "a", 1) == 0)
		return addresses_ask(channel, name, AF_INET, 0, answer);
	if (size == 4 && memcmp(description, "aaaa", 4) == 0)
		return addresses_ask(channel, name, AF_INET6, 0, answer);
	if (size == 5 && memcmp(description, "afsdb", 5) == 0)
		return cell_ask(channel, name, answer);
	return ARES_EBADQUERY;
}

/* c-ares counts its tries by the clock: those of a machine that stood were none, and are had again.
 */
static int question_ask_again(ares_channel channel, const char *description, struct answer *answer)
{
	int status;

	do {
		stood = false;
		*answer = (struct answer){ .ttl = TTL_DEFAULT };
		status = question_ask(channel, description, answer);
	} while (stood && status == ARES_ETIMEOUT);
	return status;
}

/* --------------------------------------------------------------------- main */

static int channel_open(ares_channel *channel)
{
	char lookups[] = "fb"; /* the file, then DNS: not what nsswitch.conf says */
	struct ares_options options = {
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.lookups = lookups,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = &watched,
	};

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return -EIO;
	if (ares_init_options(channel, &options,
			      ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
				      ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
		return -EIO;
	return 0;
}

static int answer_print(const struct answer *answer)
{
	printf("ttl=%u\n", answer->ttl);
	for (unsigned int i = 0; i < answer->count; i++) {
		const struct address *address = &answer->addresses[i];

		printf("%s%s", i ? "," : "", address->text);
		if (address->port)
			printf("+%u", address->port);
	}
	putchar('\n');
	return fflush(stdout) == 0 ? STATUS_ANSWERED : STATUS_FAILED;
}

int main(int argc, char **argv)
{
	static struct answer answer;
	ares_channel channel;
	int status;

	if (argc != 2)
		return STATUS_FAILED;
	deadline_ms = now_ms() + TOTAL_MS;
	if (channel_open(&channel) < 0)
		return STATUS_FAILED;
	status = question_ask_again(channel, argv[1], &answer);
	ares_destroy(channel);
	ares_library_cleanup();
	if (status == ARES_SUCCESS && answer.count > 0)
		return answer_print(&answer);
	if (status == ARES_SUCCESS || status_means_no_name(status))
		return STATUS_NO_NAME;
	return STATUS_FAILED;
}
