// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text may be any bytes (paths, core_pattern): control characters are escaped,
 * and what is no UTF-8 becomes U+FFFD, so that the output is always JSON.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "json.h"

static bool first_member = true;
static int depth;
static bool one_line;

void json_one_line(void)
{
	one_line = true;
}

/* Length of the well-formed UTF-8 sequence at `text`, 0 if there is none. */
static size_t utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead, second_min, second_max, length;
	} forms[] = {
		{ 0xff, 0xe0, 0xa0, 0xbf, 3 }, { 0xff, 0xed, 0x80, 0x9f, 3 },
		{ 0xff, 0xf0, 0x90, 0xbf, 4 }, { 0xff, 0xf4, 0x80, 0x8f, 4 },
		{ 0xf0, 0xe0, 0x80, 0xbf, 3 }, { 0xfc, 0xf0, 0x80, 0xbf, 4 },
	};

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		return (text[1] & 0xc0) == 0x80 ? 2 : 0;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if ((text[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (text[1] < forms[i].second_min || text[1] > forms[i].second_max)
			return 0;
		for (size_t n = 2; n < forms[i].length; n++)
			if ((text[n] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

/* Where not 0, what is no character but an order to a terminal: it obeys U+0080 to U+009F, too. */
static unsigned int control_code(const unsigned char *text)
{
	if (*text < 0x20 || *text == 0x7f)
		return *text;
	return text[0] == 0xc2 && text[1] < 0xa0 ? text[1] : 0;
}

static void print_text(const char *string)
{
	const unsigned char *text = (const unsigned char *)string;

	putchar('"');
	while (*text) {
		size_t length = utf8_length(text);

		if (length == 0)
			fputs("\\ufffd", stdout);
		else if (control_code(text))
			printf("\\u%04x", control_code(text));
		else if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			fwrite(text, 1, length, stdout);
		text += length ?: 1;
	}
	putchar('"');
}

static void print_newline(void)
{
	if (one_line)
		return;
	putchar('\n');
	for (int i = 0; i < depth; i++)
		fputs("   ", stdout);
}

static void print_key(const char *key)
{
	if (!first_member)
		putchar(',');
	if (depth)
		print_newline();
	if (key) {
		print_text(key);
		fputs(": ", stdout);
	}
	first_member = false;
}

void json_open(const char *key, char bracket)
{
	print_key(key);
	putchar(bracket);
	first_member = true;
	depth++;
}

void json_close(char bracket)
{
	depth--;
	if (!first_member)
		print_newline();
	putchar(bracket);
	first_member = false;
	if (!depth) {
		putchar('\n');
		first_member = true;
	}
}

void json_string(const char *key, const char *value)
{
	print_key(key);
	print_text(value);
}

void json_number(const char *key, uint64_t value)
{
	print_key(key);
	printf("%" PRIu64, value);
}

void json_bool(const char *key, bool value)
{
	print_key(key);
	fputs(value ? "true" : "false", stdout);
}

void json_strings(const char *key, const char *const *values)
{
	json_open(key, '[');
	for (; values && *values; values++)
		json_string(NULL, *values);
	json_close(']');
}
