// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

#define NAME_MAX_LEN 63

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int text_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (const char *at = text; *at; at++)
		if (!is_digit(*at))
			return -EINVAL;
	for (; *text; text++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (unsigned int)(*text - '0'), &value))
			return -ERANGE;
	}
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static bool is_plain(char c)
{
	return c >= ' ' && c <= '~' && c != '\\';
}

static bool is_plain_word(char c)
{
	return is_plain(c) && c != ' ';
}

static bool is_shown(char c)
{
	return is_plain(c) || c == '\\';
}

/* Put \xNN; the caller has looked for room. */
static void put_escape(char *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	memcpy(out, (char[]){ '\\', 'x', digits[c >> 4], digits[c & 15] }, 4);
}

#define CUT_MARK     "..."
#define CUT_ROOM_MIN 16 /* with less, there would be nothing but the mark */

/* The last place where the mark of a cut still has room. */
static size_t mark_at(size_t mark, size_t used, size_t room)
{
	return used + sizeof(CUT_MARK) <= room ? used : mark;
}

/* The text ends at `used`, or if not all of it fitted, at `mark` with the mark of a cut. */
static void end_text(char *out, size_t room, size_t used, bool cut, size_t mark)
{
	if (cut && room >= CUT_ROOM_MIN)
		memcpy(out + mark, CUT_MARK, sizeof(CUT_MARK));
	else if (room > 0)
		out[used] = '\0';
}

static void escape(const char *data, size_t size, char *out, size_t room, bool (*stays)(char c))
{
	size_t used = 0, mark = 0, i;

	for (i = 0; i < size; i++) {
		size_t need = stays(data[i]) ? 1 : 4;

		mark = mark_at(mark, used, room);
		if (used + need >= room)
			break;
		if (need == 1)
			out[used] = data[i];
		else
			put_escape(out + used, (unsigned char)data[i]);
		used += need;
	}
	end_text(out, room, used, i < size, mark);
}

/* What sd-bus calls one: no surrogate, and no number that never will be a character. */
static bool is_character(uint32_t number)
{
	return number < 0x110000 && (number & 0xfffff800) != 0xd800 &&
	       (number < 0xfdd0 || number > 0xfdef) && (number & 0xfffe) != 0xfffe;
}

/* ATTACK: a terminal obeys these, U+0080 to U+009F, too; lines and their indents are none. */
static bool is_order(uint32_t number)
{
	return (number < 0x20 && number != '\n' && number != '\t') ||
	       (number >= 0x7f && number < 0xa0);
}

/* Bytes of the character that the text begins with, 0 if there is none that is to be shown. */
static size_t character_size(const char *text)
{
	static const uint32_t first[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)*text;
	size_t size = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
	uint32_t number;

	if (size < 2)
		return size && !is_order(c) ? size : 0;
	number = c & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		number = number << 6 | ((unsigned char)text[i] & 0x3f);
	}
	return number >= first[size] && is_character(number) && !is_order(number) ? size : 0;
}

void text_utf8(const char *text, char *out, size_t room)
{
	size_t used = 0, mark = 0;

	while (*text) {
		size_t size = character_size(text);

		mark = mark_at(mark, used, room);
		if (used + (size ?: 4) >= room)
			break;
		if (size)
			memcpy(out + used, text, size);
		else
			put_escape(out + used, (unsigned char)*text);
		used += size ?: 4;
		text += size ?: 1;
	}
	end_text(out, room, used, *text, mark);
}

void text_escape(const char *data, size_t size, char *out, size_t room)
{
	escape(data, size, out, room, is_plain);
}

void text_escape_word(const char *data, size_t size, char *out, size_t room)
{
	escape(data, size, out, room, is_plain_word);
}

void text_show(const char *data, size_t size, char *out, size_t room)
{
	escape(data, size, out, room, is_shown);
}

void text_copy(char *out, size_t room, const char *data, size_t size)
{
	if (size >= room)
		size = room - 1;
	if (size > 0)
		memcpy(out, data, size);
	out[size] = '\0';
}

bool text_plain(const char *text, size_t max)
{
	size_t size = 0;

	for (; text[size]; size++)
		if (size >= max || !is_plain(text[size]))
			return false;
	return size > 0;
}

bool text_ends_with(const char *text, const char *ending)
{
	size_t size = strlen(text), length = strlen(ending);

	return size > length && !strcmp(text + size - length, ending);
}

bool text_is_name(const char *text)
{
	size_t size = strlen(text);

	if (size < 1 || size > NAME_MAX_LEN)
		return false;
	if (!(text[0] >= 'a' && text[0] <= 'z') && !is_digit(text[0]))
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == size;
}

size_t strv_count(char *const *strv)
{
	size_t count = 0;

	while (strv && strv[count])
		count++;
	return count;
}

int strv_append(char ***strv, const char *text, size_t size)
{
	cleanup_free char *copy = strndup(text, size);
	size_t count = strv_count(*strv);
	char **longer;

	if (!copy)
		return -ENOMEM;
	longer = reallocarray(*strv, count + 2, sizeof(char *));
	if (!longer)
		return -ENOMEM;
	longer[count] = take_ptr(copy);
	longer[count + 1] = NULL;
	*strv = longer;
	return 0;
}

char **strv_free(char **strv)
{
	for (char **at = strv; at && *at; at++)
		free(*at);
	free(strv);
	return NULL;
}

int strv_copy(char *const *strv, char ***ret)
{
	char **copy = NULL;

	for (; strv && *strv; strv++) {
		if (strv_append(&copy, *strv, strlen(*strv)) < 0) {
			strv_free(copy);
			return -ENOMEM;
		}
	}
	*ret = copy;
	return 0;
}
