// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>

#include "fuzz.h"
#include "sections.h"

static const struct sections *armed;

static void name_take(struct section *section, const char *line, size_t size)
{
	if (size >= sizeof(section->name))
		size = sizeof(section->name) - 1;
	memcpy(section->name, line, size);
	section->name[size] = '\0';
}

void sections_split(const uint8_t *data, size_t size, struct sections *ret)
{
	const char *at = (const char *)data, *end = at + size;

	*ret = (struct sections){ .count = 1 };
	ret->entries[0].data = at;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *next = newline ? newline + 1 : end;
		struct section *section = &ret->entries[ret->count - 1];

		if (*at == '@' && ret->count < SECTIONS_MAX) {
			section = &ret->entries[ret->count++];
			name_take(section, at + 1, (size_t)((newline ?: end) - at) - 1);
			section->data = next;
		} else {
			section->size += (size_t)(next - at);
		}
		at = next;
	}
}

const struct section *sections_find(const struct sections *sections, const char *name)
{
	for (size_t i = 0; i < sections->count; i++)
		if (!strcmp(sections->entries[i].name, name))
			return &sections->entries[i];
	return NULL;
}

void fake_files_arm(const struct sections *sections)
{
	armed = sections;
}

void fake_files_disarm(void)
{
	armed = NULL;
}

bool fake_files_armed(void)
{
	return armed;
}

const struct section *fake_files_find(const char *path)
{
	size_t size = strlen(path), digits = size;

	while (digits > 0 && isdigit((unsigned char)path[digits - 1]))
		digits--;
	if (digits > 1 && digits < size && path[digits - 1] == '/')
		size = digits - 1;
	for (size_t i = 0; i < armed->count; i++) {
		const struct section *section = &armed->entries[i];
		size_t name = strlen(section->name);

		if (name && name <= size && !memcmp(path + size - name, section->name, name) &&
		    (name == size || path[size - name - 1] == '/'))
			return section;
	}
	return NULL;
}
