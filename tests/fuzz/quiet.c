// SPDX-License-Identifier: GPL-2.0-or-later
/* Instead of daemon/journal.c: a fuzzer's messages are for nobody. Texts are formatted all the
 * same. */
#include <stdarg.h>

#include "fuzz.h"
#include "journal.h"

void journal_open(bool to_stderr)
{
}

void journal_close(void)
{
}

uint64_t journal_dropped(void)
{
	return 0;
}

void journal_begin(struct journal_entry *entry, int priority)
{
	entry->used = 0;
}

void journal_data(struct journal_entry *entry, const char *name, const char *data, size_t size)
{
}

void journal_field(struct journal_entry *entry, const char *name, const char *format, ...)
{
}

void journal_send(const struct journal_entry *entry)
{
}

/* One line of printable text: whatever others wrote in it has been escaped. */
void journal_log(int priority, const char *format, ...)
{
	char line[JOURNAL_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	property(vsnprintf(line, sizeof(line), format, args) >= 0);
	va_end(args);
	for (const char *at = line; *at; at++)
		property(*at >= ' ' && *at <= '~');
}
