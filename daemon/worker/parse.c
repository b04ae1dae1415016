// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parsers of procfs text
 *
 * What a handler may do follows from these numbers, so none is guessed: a value
 * with a sign, a blank too many or a leading zero is refused (CVE-2026-30892,
 * crun: an id that was parsed as another one became root).
 */
#include <errno.h>
#include <string.h>

#include "parse.h"

#define OVERFLOW_ID 65534u

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

static int line_number(const char *text, const char *name, uint64_t max, uint64_t *ret)
{
	const char *next = line_find(text, name);
	int error;

	if (!next)
		return -EBADMSG;
	error = word_number(&next, max, ret);
	return error < 0 ? error : line_ends(next);
}

/* Real, effective, saved, file system: the second. */
static int line_id(const char *text, const char *name, uint32_t *ret)
{
	const char *next = line_find(text, name);
	uint64_t ids[4];

	if (!next)
		return -EBADMSG;
	for (size_t i = 0; i < 4; i++)
		if (word_number(&next, UINT32_MAX, &ids[i]) < 0)
			return -EBADMSG;
	*ret = ids[1];
	return line_ends(next);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* 16 hexadecimal digits, as all capability sets. */
static int line_hex(const char *text, const char *name, uint64_t *ret)
{
	const char *next = line_find(text, name);
	uint64_t value = 0;

	if (!next)
		return -EBADMSG;
	next += strspn(next, " \t");
	for (size_t i = 0; i < 16; i++) {
		int digit = hex_digit(next[i]);

		if (digit < 0)
			return -EBADMSG;
		value = value << 4 | (uint64_t)digit;
	}
	*ret = value;
	return line_ends(next + 16);
}

int parse_status(const char *text, struct status_facts *ret)
{
	struct status_facts facts;
	uint64_t no_new_privs, seccomp;

	if (line_id(text, "Uid:", &facts.uid) < 0 || line_id(text, "Gid:", &facts.gid) < 0 ||
	    line_hex(text, "CapBnd:", &facts.cap_bounding) < 0 ||
	    line_number(text, "NoNewPrivs:", 1, &no_new_privs) < 0 ||
	    line_number(text, "Seccomp:", UINT32_MAX, &seccomp) < 0)
		return -EBADMSG;
	facts.no_new_privs = no_new_privs;
	facts.seccomp = seccomp;
	*ret = facts;
	return 0;
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

int parse_pidfd_info(const char *text, uint32_t *ret)
{
	const char *line = line_find(text, "Pid:");
	uint64_t pid;

	if (line && line[strspn(line, " \t")] == '-')
		return -ESRCH;
	if (line_number(text, "Pid:", INT32_MAX, &pid) < 0)
		return -EBADMSG;
	if (pid == 0)
		return -ESRCH;
	*ret = pid;
	return 0;
}

struct id_range {
	uint64_t inside;
	uint64_t outside;
	uint64_t count;
};

static int id_range_parse(const char **next, struct id_range *range)
{
	if (word_number(next, UINT32_MAX, &range->inside) < 0 ||
	    word_number(next, UINT32_MAX, &range->outside) < 0 ||
	    word_number(next, UINT32_MAX, &range->count) < 0 || line_ends(*next) < 0)
		return -EBADMSG;
	*next += strcspn(*next, "\n");
	*next += **next == '\n';
	return 0;
}

int parse_id_map(const char *text, uint32_t outside, uint32_t *ret)
{
	uint64_t inside = UINT64_MAX;

	while (*text) {
		struct id_range range;

		if (id_range_parse(&text, &range) < 0)
			return -EBADMSG;
		if (range.inside == 0 && range.count > 0)
			inside = 0;
		if (inside != 0 && outside >= range.outside &&
		    outside - range.outside < range.count)
			inside = range.inside + (outside - range.outside);
	}
	/* never an id that stands for "nobody knows": CVE-2015-8709 */
	if (inside >= UINT32_MAX || inside == OVERFLOW_ID)
		return -EPERM;
	*ret = inside;
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

static bool line_is_in(const char *text, const char *line, size_t size)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (strcspn(text, "\n") == size && memcmp(text, line, size) == 0)
			return true;
	return false;
}

bool parse_cgroup_v1_is_same(const char *theirs, const char *ours)
{
	for (size_t size; *theirs; theirs += size, theirs += *theirs == '\n') {
		bool has_controllers;

		size = strcspn(theirs, "\n");
		/* "ID:CONTROLLERS:PATH"; a named hierarchy limits nothing, ID 0 is version 2 */
		has_controllers = strncmp(theirs, "0::", 3) != 0 &&
				  !memmem(theirs, size, ":name=", 6);
		if (has_controllers && !line_is_in(ours, theirs, size))
			return false;
	}
	return true;
}
