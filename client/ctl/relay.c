// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "carrier.h"
#include "clock.h"
#include "relay.h"

#define BUFFER_SIZE 16384

enum place {
	PLACE_CHANNEL = 0,
	PLACE_OUT,
	PLACE_ERR,
	PLACE_IN, /* what is read, or the carrier's pipe while something is to be given to it */
	PLACE_CARRIER,
	PLACE_COUNT,
};

struct stream {
	const struct relay *relay;
	bool open[3]; /* of relay->sockets */
	char waiting[BUFFER_SIZE];
	size_t begin, end; /* of what waits to be taken by the carrier */
};

/* The worker's clock, which stands while the machine sleeps: its command has its time afterwards. */
static int64_t now_ms(void)
{
	return (int64_t)(clock_now() * 1000);
}

/* ------------------------------------------------------------------ its input */

/* Nobody sends any more: all has been, or the carrier has died of something. */
static void input_end(struct stream *stream)
{
	carrier_close(stream->relay->carrier, 0);
	(void)shutdown(stream->relay->sockets[0], SHUT_WR);
	stream->open[0] = false;
}

static void input_read(struct stream *stream)
{
	ssize_t size = read(stream->relay->input, stream->waiting, sizeof(stream->waiting));

	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	stream->begin = 0;
	stream->end = size > 0 ? (size_t)size : 0;
	/* EBADF: nohup(1) puts a file there that is only to be written, and means no input */
	if (size <= 0)
		carrier_close(stream->relay->carrier, size < 0 && errno != EBADF ? -errno : 0);
}

static void input_give(struct stream *stream)
{
	ssize_t size = carrier_give(stream->relay->carrier, stream->waiting + stream->begin,
				    stream->end - stream->begin);

	if (size >= 0)
		stream->begin += (size_t)size;
	else if (size != -EINTR && size != -EAGAIN)
		carrier_close(stream->relay->carrier, size == -EPIPE ? 0 : (int)size);
}

static void input_move(struct stream *stream)
{
	if (stream->begin < stream->end)
		input_give(stream);
	else
		input_read(stream);
}

/* ----------------------------------------------------------------- its output */

/* 1: there was something. Fds that it sends along are closed by the kernel. */
static int output_move(struct stream *stream, int fd)
{
	char bytes[BUFFER_SIZE];
	ssize_t size = recv(stream->relay->sockets[fd], bytes, sizeof(bytes), MSG_DONTWAIT);
	int ret;

	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (size <= 0) {
		stream->open[fd] = false;
		return 0;
	}
	ret = stream->relay->print(stream->relay->data, fd, bytes, (size_t)size);
	return ret < 0 ? ret : 1;
}

/*
 * It has ended: what lies there is all of its output.
 *
 * ATTACK: who has got away from its leaf may go on writing. Shut, a socket takes no
 * more, so that there is an end to read to; and it is he who is stopped by that.
 */
static int output_drain(struct stream *stream)
{
	int ret = 0;

	for (int fd = 1; fd <= 2; fd++) {
		(void)shutdown(stream->relay->sockets[fd], SHUT_RD);
		while (stream->open[fd] && (ret = output_move(stream, fd)) > 0)
			;
		if (ret < 0)
			return ret;
	}
	return 0;
}

void relay_tame(char *bytes, size_t size, bool utf8)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		unsigned char before = i > 0 ? (unsigned char)bytes[i - 1] : 0;
		/* C1 controls: in UTF-8, behind 0xc2, and not where they end another character */
		bool c1 = byte >= 0x80 && byte < 0xa0 && (!utf8 || before < 0x80 || before == 0xc2);

		if ((byte < ' ' && byte != '\n' && byte != '\t') || byte == 0x7f || c1)
			bytes[i] = '?';
	}
}

int relay_print(void *data, int fd, char *bytes, size_t size)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	(void)data;
	if (isatty(fd))
		relay_tame(bytes, size, strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
	while (size > 0) {
		ssize_t put = write(fd, bytes, size);

		if (put < 0 && errno == EAGAIN)
			(void)poll(&room, 1, -1);
		else if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0) {
			bytes += put;
			size -= (size_t)put;
		}
	}
	return 0;
}

/* -------------------------------------------------------------------- the loop */

static void places_set(const struct stream *stream, struct pollfd places[PLACE_COUNT])
{
	const struct relay *relay = stream->relay;
	bool full = stream->begin < stream->end;

	places[PLACE_CHANNEL] = (struct pollfd){ .fd = relay->channel, .events = POLLIN };
	places[PLACE_OUT] = (struct pollfd){ .fd = -1, .events = POLLIN };
	places[PLACE_ERR] = places[PLACE_IN] = places[PLACE_CARRIER] = places[PLACE_OUT];
	if (stream->open[1])
		places[PLACE_OUT].fd = relay->sockets[1];
	if (stream->open[2])
		places[PLACE_ERR].fd = relay->sockets[2];
	if (!stream->open[0])
		return;
	places[PLACE_CARRIER].fd = relay->carrier->pidfd;
	if (relay->carrier->pipe < 0)
		return;
	places[PLACE_IN].fd = full ? relay->carrier->pipe : relay->input;
	places[PLACE_IN].events = full ? POLLOUT : POLLIN;
}

/* One look at everything. Negative: that is the end. */
static int look(struct stream *stream, int64_t deadline)
{
	struct pollfd places[PLACE_COUNT];
	int64_t left = deadline - now_ms();
	int ret = 0;

	if (left <= 0)
		return -ETIMEDOUT;
	places_set(stream, places);
	if (poll(places, PLACE_COUNT, (int)(left < INT32_MAX ? left : INT32_MAX)) < 0)
		return errno == EINTR ? 0 : -errno;
	if (places[PLACE_CARRIER].revents)
		input_end(stream);
	else if (places[PLACE_IN].revents)
		input_move(stream);
	if (places[PLACE_OUT].revents)
		ret = output_move(stream, 1);
	if (places[PLACE_ERR].revents && ret >= 0)
		ret = output_move(stream, 2);
	if (ret < 0)
		return ret;
	return places[PLACE_CHANNEL].revents ? 1 : 0;
}

static int result_read(int channel, struct worker_result *ret)
{
	ssize_t size = recv(channel, ret, sizeof(*ret), MSG_DONTWAIT | MSG_TRUNC);

	if (size < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (size == 0)
		return -ECONNRESET;
	if (size != sizeof(*ret) || ret->protocol != WORKER_PROTOCOL)
		return -EBADMSG;
	return 1;
}

int relay_run(const struct relay *relay, struct worker_result *ret)
{
	int64_t deadline = now_ms() + (int64_t)relay->seconds * 1000;
	struct stream stream = {
		.relay = relay,
		.open = { relay->carrier != NULL, true, true },
	};
	int error = 0;

	if (!relay->carrier)
		(void)shutdown(relay->sockets[0], SHUT_WR);
	while (error == 0) {
		error = look(&stream, deadline);
		if (error > 0)
			error = result_read(relay->channel, ret);
	}
	return error < 0 ? error : output_drain(&stream);
}
