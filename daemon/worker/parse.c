// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parsers of procfs text
 *
 * What a handler may do follows from these numbers, so none is guessed: a value
 * with a sign, a blank too many or a leading zero is refused (CVE-2026-30892,
 * crun: one that was parsed as another number became root).
 */
#include <errno.h>
#include <string.h>

#include "parse.h"

int parse_number(const char *text, size_t size, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (size == 0 || (size > 1 && text[0] == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EBADMSG;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return -EBADMSG;
	}
	if (value > max)
		return -EBADMSG;
	*ret = value;
	return 0;
}

/* The next number of a line; *next is moved behind it. */
static int word_number(const char **next, uint64_t max, uint64_t *ret)
{
	const char *word = *next + strspn(*next, " \t");
	size_t size = strcspn(word, " \t\n");
	int error = parse_number(word, size, max, ret);

	if (error == 0)
		*next = word + size;
	return error;
}

static int line_ends(const char *next)
{
	next += strspn(next, " \t");
	return *next == '\n' || *next == '\0' ? 0 : -EBADMSG;
}

/*
 * What follows `name` at the start of a line. The kernel escapes newlines in
 * the process' name, so no line here is the process' own words; one that comes
 * twice is refused all the same.
 */
static const char *line_find(const char *text, const char *name)
{
	size_t size = strlen(name);
	const char *found = NULL;

	while (*text) {
		if (strncmp(text, name, size) == 0) {
			if (found)
				return NULL;
			found = text + size;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return found;
}

int parse_bset(const char *text, uint64_t *ret)
{
	uint64_t low, high;

	if (word_number(&text, UINT32_MAX, &low) < 0 || word_number(&text, UINT32_MAX, &high) < 0 ||
	    line_ends(text) < 0)
		return -EBADMSG;
	*ret = high << 32 | low;
	return 0;
}

/* "NAME (MODE)": the length of NAME. */
static size_t label_name_size(const char *text, size_t size)
{
	size_t open = size;

	if (size == 0 || text[size - 1] != ')')
		return size;
	while (open > 0 && text[open] != '(')
		open--;
	return open > 1 && text[open - 1] == ' ' ? open - 1 : size;
}

int parse_label(const char *text, char ret[static LABEL_LEN])
{
	size_t size = strcspn(text, "\n");

	if (text[size] == '\n' && text[size + 1] != '\0')
		return -EBADMSG;
	size = label_name_size(text, size);
	if (size == 0 || size >= LABEL_LEN)
		return -EBADMSG;
	if (text[0] == ':' || memmem(text, size, "//&", 3) || memmem(text, size, "://", 3))
		return -EPERM;
	if (size == strlen("unconfined") && memcmp(text, "unconfined", size) == 0)
		size = 0;
	memcpy(ret, text, size);
	ret[size] = '\0';
	return 0;
}

int parse_cgroup(const char *text, char *ret, size_t room)
{
	const char *path = line_find(text, "0::/");
	size_t size;

	if (!path)
		return -EBADMSG;
	size = strcspn(path, "\n");
	if (size >= room)
		return -ENAMETOOLONG;
	memcpy(ret, path, size);
	ret[size] = '\0';
	return 0;
}

int parse_filters(const char *text, uint64_t *ret)
{
	const char *number = line_find(text, "Seccomp_filters:\t");

	return number ? parse_number(number, strcspn(number, "\n"), UINT32_MAX, ret) : -EBADMSG;
}
