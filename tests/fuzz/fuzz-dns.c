// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The dns handler as a whole (daemon/handlers/dns.c), with hosts and resolv.conf of
 * a container and servers that send anything
 *
 * The first line is the key's description; @hosts and @resolv.conf are files; each
 * @reply answers the next query: flags and three counts, then records behind the
 * question. Time is ours. Whatever comes: it ends in time, and what it prints is a
 * payload that the host's side takes.
 */
#include "fuzz.h"
#include "payload.h"
#include "sections.h"

#include <ares.h>
#include <poll.h>
#include <time.h>

int dns_main(int argc, char **argv);
static int fake_init(ares_channel *channel, struct ares_options *options, int mask);
static int fake_poll(struct pollfd *fds, nfds_t count, int timeout);

#define main		  dns_main
#define ares_init_options fake_init
#define poll		  fake_poll
#include "../../daemon/handlers/dns.c"
#undef main
#undef ares_init_options
#undef poll

#define SOCKETS	   32
#define FIRST_FD   1000
#define REPLY_SIZE 4096
#define HEADER	   12

struct fake_socket {
	bool used;
	bool stream;
	struct sockaddr_storage peer;
	socklen_t peer_size;
	unsigned char pending[REPLY_SIZE + 2];
	size_t size, at;
};

static struct fake_socket sockets[SOCKETS];
static const struct sections *input;
static size_t next_section;
static int64_t clock_us;

/* ------------------------------------------------------------------- time */

int __real_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_gettimeofday(struct timeval *now, void *zone);
int __real_gettimeofday(struct timeval *now, void *zone);

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
	if (!fake_files_armed())
		return __real_clock_gettime(id, now);
	*now = (struct timespec){ clock_us / 1000000, clock_us % 1000000 * 1000 };
	return 0;
}

int __wrap_gettimeofday(struct timeval *now, void *zone)
{
	if (!fake_files_armed())
		return __real_gettimeofday(now, zone);
	*now = (struct timeval){ clock_us / 1000000, clock_us % 1000000 };
	return 0;
}

static int fake_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready = 0;

	property(timeout >= 0);
	for (nfds_t i = 0; i < count; i++) {
		const struct fake_socket *socket = &sockets[fds[i].fd - FIRST_FD];

		fds[i].revents = fds[i].events & POLLOUT;
		if (socket->at < socket->size)
			fds[i].revents |= fds[i].events & POLLIN;
		ready += fds[i].revents != 0;
	}
	clock_us += ready ? 1000 : ((int64_t)timeout + 1) * 1000;
	return ready;
}

/* ------------------------------------------------------------------ files */

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);

FILE *__wrap_fopen(const char *path, const char *mode)
{
	const struct section *section;

	/* libFuzzer writes what it finds */
	if (!fake_files_armed() || mode[0] != 'r')
		return __real_fopen(path, mode);
	section = fake_files_find(path);
	if (!section || !section->size) {
		errno = ENOENT;
		return NULL;
	}
	return fmemopen((void *)(uintptr_t)section->data, section->size, "r");
}

/* ---------------------------------------------------------------- network */

static ares_socket_t fake_socket(int family, int type, int protocol, void *user)
{
	for (int i = 0; i < SOCKETS; i++)
		if (!sockets[i].used) {
			sockets[i] =
				(struct fake_socket){ .used = true, .stream = type == SOCK_STREAM };
			return FIRST_FD + i;
		}
	errno = EMFILE;
	return ARES_SOCKET_BAD;
}

static int fake_close(ares_socket_t fd, void *user)
{
	sockets[fd - FIRST_FD].used = false;
	return 0;
}

static int fake_connect(ares_socket_t fd, const struct sockaddr *peer, ares_socklen_t size,
			void *user)
{
	memcpy(&sockets[fd - FIRST_FD].peer, peer, size);
	sockets[fd - FIRST_FD].peer_size = size;
	return 0;
}

static ares_ssize_t fake_receive(ares_socket_t fd, void *buffer, size_t room, int flags,
				 struct sockaddr *from, ares_socklen_t *from_size, void *user)
{
	struct fake_socket *socket = &sockets[fd - FIRST_FD];
	size_t size = socket->size - socket->at;

	if (!size) {
		errno = EWOULDBLOCK;
		return -1;
	}
	if (size > room)
		size = room;
	memcpy(buffer, socket->pending + socket->at, size);
	socket->at = socket->stream ? socket->at + size : socket->size;
	if (from && *from_size >= socket->peer_size) {
		memcpy(from, &socket->peer, socket->peer_size);
		*from_size = socket->peer_size;
	}
	return (ares_ssize_t)size;
}

static const struct section *next_reply(void)
{
	while (next_section < input->count) {
		const struct section *section = &input->entries[next_section++];

		if (!strcmp(section->name, "reply"))
			return section;
	}
	return NULL;
}

/* The query's id and question, all else from the input. */
static size_t compose(const unsigned char *query, size_t query_size, const struct section *reply,
		      unsigned char *out)
{
	size_t question = query_size, records;

	if (reply->size < 8 || query_size < HEADER)
		return 0;
	records = reply->size - 8;
	/* without the EDNS record at its end */
	if (query[11])
		question -= 11;
	if (question + records > REPLY_SIZE)
		records = REPLY_SIZE - question;
	memcpy(out, query, question);
	memcpy(out + 2, reply->data, 2);
	memcpy(out + 6, reply->data + 2, 6);
	memcpy(out + question, reply->data + 8, records);
	return question + records;
}

static ares_ssize_t fake_send(ares_socket_t fd, const struct iovec *iov, int count, void *user)
{
	struct fake_socket *socket = &sockets[fd - FIRST_FD];
	unsigned char query[1024];
	const struct section *reply = next_reply();
	size_t skip = socket->stream ? 2 : 0, size = 0, sent = 0;

	for (int i = 0; i < count; i++) {
		size_t part = iov[i].iov_len;

		sent += part;
		if (part > sizeof(query) - size)
			part = sizeof(query) - size;
		memcpy(query + size, iov[i].iov_base, part);
		size += part;
	}
	if (!reply || size < skip)
		return (ares_ssize_t)sent;
	size = compose(query + skip, size - skip, reply, socket->pending + skip);
	if (socket->stream) {
		socket->pending[0] = (unsigned char)(size >> 8);
		socket->pending[1] = (unsigned char)size;
	}
	socket->size = size ? size + skip : 0;
	socket->at = 0;
	return (ares_ssize_t)sent;
}

static int fake_init(ares_channel *channel, struct ares_options *options, int mask)
{
	static const struct ares_socket_functions functions = {
		fake_socket, fake_close, fake_connect, fake_receive, fake_send,
	};
	int status = ares_init_options(channel, options, mask);

	if (status == ARES_SUCCESS)
		ares_set_socket_functions(*channel, &functions, NULL);
	return status;
}

/* --------------------------------------------------------------- the test */

const char *__lsan_default_suppressions(void);

/*
 * c-ares 1.18 forgets a name where /etc/hosts knows no such address of "localhost"
 * and it answers by itself (corpus: localhost-unknown). Once for each question, and
 * the handler ends with it.
 */
const char *__lsan_default_suppressions(void)
{
	return "leak:ares_strdup\n";
}

/* What answer_print() prints: a payload of such a key, by the worker's judgement. */
static void check_printed(const struct answer *answer, const char *description)
{
	struct tags_key key = { .present = true,
				.type = { "dns_resolver", 12 },
				.description = { description, strlen(description) } };
	struct payload payload;
	FILE *saved = stdout;
	char *text = NULL, *judged;
	size_t size;

	stdout = open_memstream(&text, &size);
	property(stdout && answer_print(answer) == STATUS_ANSWERED);
	(void)fclose(stdout);
	stdout = saved;
	judged = malloc(size + 1);
	property(judged);
	memcpy(judged, text, size);
	property(payload_parse(&key, judged, size, &payload) == 0);
	free(judged);
	free(text);
}

static void ask(const char *description)
{
	struct answer answer = { .ttl = TTL_DEFAULT };
	ares_channel channel;
	int status;

	deadline_ms = now_ms() + TOTAL_MS;
	if (channel_open(&channel) < 0)
		return;
	status = question_ask(channel, description, &answer);
	ares_destroy(channel);
	ares_library_cleanup();
	/* one wait more than the total */
	property(now_ms() <= deadline_ms + 1000);
	property(answer.count <= ADDRESSES_MAX && answer.ttl <= TTL_DEFAULT);
	if (status == ARES_SUCCESS && answer.count > 0)
		check_printed(&answer, description);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *description = NULL;
	struct sections sections;

	sections_split(data, size, &sections);
	description = fuzz_text(sections.entries[0].data, sections.entries[0].size);
	description[strcspn(description, "\n")] = '\0';
	input = &sections;
	next_section = 0;
	fake_files_arm(&sections);
	ask(description);
	fake_files_disarm();
	for (int i = 0; i < SOCKETS; i++)
		property(!sockets[i].used);
	return 0;
}
