/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the daemon says things: the journal, or stderr
 *
 * Never blocks. sd_journal_send() would: its socket is a blocking datagram
 * socket, and a stopped journald fills it. So we speak the native protocol
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL) on a socket of our own, with
 * MSG_DONTWAIT; what does not fit is dropped, counted, and said later.
 * stderr gets one line a message, and only while poll(2) says it is writable.
 *
 * The sink is the one thing that belongs to the process and not to struct
 * daemon: a failure must be sayable from anywhere.
 */
#ifndef UPCALLD_JOURNAL_H
#define UPCALLD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#define JOURNAL_MESSAGE_SIZE 4096

/* One entry under construction. Fields that do not fit any more are left out. */
struct journal_entry {
	size_t used;
	char buffer[JOURNAL_MESSAGE_SIZE];
};

/* Before it is called, and after journal_close(): stderr. */
void journal_open(bool to_stderr);
void journal_close(void);
uint64_t journal_dropped(void);

void journal_begin(struct journal_entry *entry, int priority);
/* The bytes are data: whatever is in them stays within this field. */
void journal_data(struct journal_entry *entry, const char *name, const char *data, size_t size);
void journal_field(struct journal_entry *entry, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void journal_send(const struct journal_entry *entry);

/* A sentence about the daemon itself. Texts of others in it must be escaped. */
void journal_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
