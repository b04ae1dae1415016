// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cleanup.h"
#include "journal.h"
#include "text.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define VALUE_SIZE     1024
/* Writes to a pipe of at most PIPE_BUF do not block once poll() says writable. */
#define LINE_SIZE 2048

static struct {
	int fd; /* -1: stderr */
	uint64_t dropped;
	uint64_t dropped_said;
} sink = { .fd = -1 };

void journal_open(bool to_stderr)
{
	journal_close();
	if (!to_stderr)
		sink.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void journal_close(void)
{
	sink.fd = close_keep_errno(sink.fd);
}

uint64_t journal_dropped(void)
{
	return sink.dropped;
}

static void append(struct journal_entry *entry, const void *data, size_t size)
{
	memcpy(entry->buffer + entry->used, data, size);
	entry->used += size;
}

void journal_data(struct journal_entry *entry, const char *name, const char *data, size_t size)
{
	bool binary = memchr(data, '\n', size) != NULL;
	size_t name_size = strlen(name);
	uint64_t length = htole64(size);

	if (name_size + size + sizeof(length) + 2 > sizeof(entry->buffer) - entry->used)
		return;
	append(entry, name, name_size);
	append(entry, binary ? "\n" : "=", 1);
	if (binary)
		append(entry, &length, sizeof(length));
	append(entry, data, size);
	append(entry, "\n", 1);
}

static void __attribute__((format(printf, 3, 0)))
field_va(struct journal_entry *entry, const char *name, const char *format, va_list args)
{
	char value[VALUE_SIZE];

	if (vsnprintf(value, sizeof(value), format, args) >= 0)
		journal_data(entry, name, value, strlen(value));
}

void journal_field(struct journal_entry *entry, const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	field_va(entry, name, format, args);
	va_end(args);
}

void journal_begin(struct journal_entry *entry, int priority)
{
	entry->used = 0;
	journal_field(entry, "PRIORITY", "%d", priority);
	journal_data(entry, "SYSLOG_IDENTIFIER", "upcalld", 7);
}

/* ----------------------------------------------------------------- stderr */

struct span {
	const char *data;
	size_t size;
};

/* Take the next field off `rest`. */
static bool next_field(struct span *rest, struct span *name, struct span *value)
{
	size_t size = 0;
	uint64_t length;

	while (size < rest->size && rest->data[size] != '=' && rest->data[size] != '\n')
		size++;
	if (size >= rest->size)
		return false;
	*name = (struct span){ rest->data, size };
	value->data = rest->data + size + 1;
	if (rest->data[size] == '\n') {
		memcpy(&length, value->data, sizeof(length));
		value->data += sizeof(length);
		value->size = (size_t)le64toh(length);
	} else {
		value->size = (size_t)((const char *)memchr(value->data, '\n', rest->size - size) -
				       value->data);
	}
	rest->size -= (size_t)(value->data - rest->data) + value->size + 1;
	rest->data = value->data + value->size + 1;
	return true;
}

static bool is_field(const struct span *name, const char *text)
{
	return name->size == strlen(text) && !memcmp(name->data, text, name->size);
}

/*
 * The message first, then what else there is. Texts may be anybody's, so they are
 * escaped; ATTACK: with a blank in it, the name of a process would go on as a field.
 */
static size_t make_line(const struct journal_entry *entry, char *line)
{
	struct span rest = { entry->buffer, entry->used }, name, value;
	char message[LINE_SIZE / 2] = "", fields[LINE_SIZE / 2] = "", text[256];
	size_t used = 0;

	while (next_field(&rest, &name, &value)) {
		if (is_field(&name, "MESSAGE")) {
			text_escape(value.data, value.size, message, sizeof(message) - 16);
			continue;
		}
		if (is_field(&name, "PRIORITY") || is_field(&name, "SYSLOG_IDENTIFIER") ||
		    is_field(&name, "MESSAGE_ID"))
			continue;
		text_escape_word(value.data, value.size, text, sizeof(text));
		if (used + name.size + strlen(text) + 3 > sizeof(fields))
			continue;
		used += (size_t)snprintf(fields + used, sizeof(fields) - used, " %.*s=%s",
					 (int)name.size, name.data, text);
	}
	return (size_t)snprintf(line, LINE_SIZE, "upcalld: %s%s\n", message, fields);
}

static int send_line(const struct journal_entry *entry)
{
	struct pollfd writable = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[LINE_SIZE];
	size_t size = make_line(entry, line);

	if (poll(&writable, 1, 0) != 1 || !(writable.revents & POLLOUT))
		return -EAGAIN;
	return write(STDERR_FILENO, line, size) < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------- send */

static int send_native(const struct journal_entry *entry)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };

	if (sendto(sink.fd, entry->buffer, entry->used, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

static int send_entry(const struct journal_entry *entry)
{
	return sink.fd < 0 ? send_line(entry) : send_native(entry);
}

static void say_dropped(void)
{
	uint64_t dropped = sink.dropped - sink.dropped_said;

	if (!dropped)
		return;
	sink.dropped_said = sink.dropped;
	journal_log(LOG_WARNING, "%llu messages of mine could not be delivered and were dropped",
		    (unsigned long long)dropped);
}

void journal_send(const struct journal_entry *entry)
{
	if (send_entry(entry) < 0)
		sink.dropped++;
	else
		say_dropped();
}

void journal_log(int priority, const char *format, ...)
{
	struct journal_entry entry;
	va_list args;

	journal_begin(&entry, priority);
	va_start(args, format);
	field_va(&entry, "MESSAGE", format, args);
	va_end(args);
	journal_send(&entry);
}
