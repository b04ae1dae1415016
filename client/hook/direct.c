// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The wire is that of the D-Bus specification, "Message Protocol" and "Authentication
 * Protocol". All is sent at once, as sd-bus does it, too: who we are the server takes from the
 * socket. No fd goes with it, for which it would have to be asked first.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "direct.h"

#define SOCKET_PATH "/run/upcalld/control"

#define AUTHENTICATION "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"
#define ACCEPTED       "DATA\r\nOK " /* an id in hexadecimal and a newline follow */
#define ID_DIGITS      32
/* With the first two bytes of the answer. */
#define ENOUGH (sizeof(ACCEPTED) - 1 + ID_DIGITS + sizeof("\r\n") - 1 + 2)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ENDIANNESS 'l'
#else
#define ENDIANNESS 'B'
#endif

enum {
	METHOD_CALL = 1,
	METHOD_RETURN = 2,
	VERSION = 1,
	SERIAL = 1,
};

enum field {
	FIELD_PATH = 1,
	FIELD_INTERFACE = 2,
	FIELD_MEMBER = 3,
	FIELD_SIGNATURE = 8,
};

/* ----------------------------------------------------------------- message */

struct message {
	unsigned char bytes[512];
	size_t used;
	bool full;
};

static void put(struct message *message, const void *data, size_t size)
{
	if (size > sizeof(message->bytes) - message->used) {
		message->full = true;
		return;
	}
	memcpy(message->bytes + message->used, data, size);
	message->used += size;
}

static void put_byte(struct message *message, unsigned char byte)
{
	put(message, &byte, 1);
}

static void align(struct message *message, size_t to)
{
	while (message->used % to && !message->full)
		put_byte(message, 0);
}

static void put_u32(struct message *message, uint32_t number)
{
	align(message, sizeof(number));
	put(message, &number, sizeof(number));
}

static void put_string(struct message *message, const char *text)
{
	put_u32(message, (uint32_t)strlen(text));
	put(message, text, strlen(text) + 1);
}

static void put_signature(struct message *message, const char *types)
{
	put_byte(message, (unsigned char)strlen(types));
	put(message, types, strlen(types) + 1);
}

static void put_field(struct message *message, enum field field, const char *type,
		      const char *value)
{
	align(message, 8);
	put_byte(message, field);
	put_signature(message, type);
	if (*type == 'g')
		put_signature(message, value);
	else
		put_string(message, value);
}

static void set_u32(struct message *message, size_t at, size_t number)
{
	const uint32_t value = (uint32_t)number;

	memcpy(message->bytes + at, &value, sizeof(value));
}

static void put_body(struct message *message, const char *name, pid_t pid)
{
	put_string(message, name);
	put_u32(message, (uint32_t)pid);
	/* no options: an array of nothing, whose elements would be aligned like this */
	put_u32(message, 0);
	align(message, 8);
}

/* -EMSGSIZE: the name is none. */
static int put_call(struct message *message, const char *name, pid_t pid)
{
	enum {
		BODY_SIZE_AT = 4,
		FIELDS_SIZE_AT = 12,
		FIELDS_AT = 16
	};
	size_t fields_end, body;

	put_byte(message, ENDIANNESS);
	put_byte(message, METHOD_CALL);
	put_byte(message, 0);
	put_byte(message, VERSION);
	put_u32(message, 0);
	put_u32(message, SERIAL);
	put_u32(message, 0);
	put_field(message, FIELD_PATH, "o", "/org/upcalld");
	put_field(message, FIELD_INTERFACE, "s", "org.upcalld.Manager1");
	put_field(message, FIELD_MEMBER, "s", "RegisterProcess");
	put_field(message, FIELD_SIGNATURE, "g", "sua{sv}");
	fields_end = message->used;
	align(message, 8);
	body = message->used;
	put_body(message, name, pid);
	if (message->full)
		return -EMSGSIZE;
	set_u32(message, BODY_SIZE_AT, message->used - body);
	set_u32(message, FIELDS_SIZE_AT, fields_end - FIELDS_AT);
	return 0;
}

/* -------------------------------------------------------------- connection */

static int open_socket(void)
{
	const char *path = secure_getenv("UPCALLD_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_fd int fd = -1;

	if (!path || !*path)
		path = SOCKET_PATH;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int send_all(int fd, const struct message *call)
{
	struct iovec parts[] = {
		{ (void *)AUTHENTICATION, sizeof(AUTHENTICATION) - 1 },
		{ (void *)call->bytes, call->used },
	};
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);

	if (sent < 0)
		return -errno;
	/* Less than the smallest buffer of a socket: whole or not at all, but for a signal. */
	return (size_t)sent == parts[0].iov_len + parts[1].iov_len ? 0 : -EPROTO;
}

/*
 * False: it cannot become what it has to be. What there is to say of an error is for others to
 * find out.
 */
static bool is_done_so_far(const char *bytes, size_t size)
{
	static const char message[] = { '\r', '\n', ENDIANNESS, METHOD_RETURN };
	const size_t accepted = sizeof(ACCEPTED) - 1;

	if (memcmp(bytes, ACCEPTED, size < accepted ? size : accepted) != 0)
		return false;
	return size < ENOUGH || !memcmp(bytes + ENOUGH - sizeof(message), message, sizeof(message));
}

/* The beginning says enough. */
static int read_answer(int fd)
{
	char bytes[1024];
	size_t size = 0;
	ssize_t n;

	while (size < ENOUGH) {
		n = recv(fd, bytes + size, sizeof(bytes) - size, 0);
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENOTCONN;
		size += (size_t)n;
		if (!is_done_so_far(bytes, size))
			return -EPROTO;
	}
	return 0;
}

int direct_register(const char *name, pid_t pid)
{
	struct message call = { .used = 0 };
	cleanup_fd int fd = -1;
	int r;

	r = put_call(&call, name, pid);
	if (r < 0)
		return r;
	fd = open_socket();
	if (fd < 0)
		return fd;
	r = send_all(fd, &call);
	return r < 0 ? r : read_answer(fd);
}
