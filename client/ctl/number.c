// SPDX-License-Identifier: GPL-2.0-or-later
/* strtoul() takes "-1", " 1", "0x1" and "1x": none of these is a pid. */
#include <errno.h>

#include "number.h"

int parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return -EINVAL;
		if (value <= UINT32_MAX)
			value = value * 10 + (uint64_t)(*c - '0');
	}
	if (value < min || value > max)
		return -ERANGE;
	*ret = (uint32_t)value;
	return 0;
}
