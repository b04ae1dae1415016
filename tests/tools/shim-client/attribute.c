// SPDX-License-Identifier: GPL-2.0-or-later
/* What the module writes of an upcall: netlink attributes. */
#include "shim-client.h"

struct attribute {
	unsigned short length;
	unsigned short type;
};

const char *attribute_find(const char *buffer, size_t size, unsigned int type, size_t *length)
{
	size_t at = 0;

	while (at + sizeof(struct attribute) <= size) {
		struct attribute attribute;

		memcpy(&attribute, buffer + at, sizeof(attribute));
		if (attribute.length < sizeof(attribute) || at + attribute.length > size)
			return NULL;
		if ((attribute.type & 0x3fff) == type) {
			*length = attribute.length - sizeof(attribute);
			return buffer + at + sizeof(attribute);
		}
		at += (attribute.length + 3u) & ~3u;
	}
	return NULL;
}
