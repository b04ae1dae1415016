// SPDX-License-Identifier: GPL-2.0-or-later
/* strtoul() takes "-1", " 1", "0x1" and "1x": none of these is a pid. */
#include <errno.h>
#include <stdbool.h>

#include "number.h"

static int parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	bool over = false;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return -EINVAL;
		over = over || __builtin_mul_overflow(value, 10, &value) ||
		       __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value);
	}
	if (over || value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t value;
	int r;

	r = parse(text, min, max, &value);
	if (r >= 0)
		*ret = (uint32_t)value;
	return r;
}

int parse_id(const char *text, uint64_t *ret)
{
	return parse(text, 1, UINT64_MAX, ret);
}
