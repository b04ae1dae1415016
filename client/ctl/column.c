// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "column.h"

char *column_number(uint64_t number)
{
	char *text;

	return asprintf(&text, "%" PRIu64, number) < 0 ? NULL : text;
}

char *column_strings(const char *const *strings)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	for (const char *const *string = strings; *string; string++)
		fprintf(out, "%s%s", string == strings ? "" : ",", *string);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

char column_capital(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_called(const struct column *column, const char *name, size_t length)
{
	if (strlen(column->name) != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (column_capital(column->name[i]) != column_capital(name[i]))
			return false;
	return true;
}

static const struct column *find_column(const struct column_set *set, const char *name,
					size_t length)
{
	for (size_t i = 0; i < set->count; i++)
		if (is_called(&set->columns[i], name, length))
			return &set->columns[i];
	return NULL;
}

static int choose_named(const struct column_set *set, const char *list,
			const struct column *chosen[COLUMNS_MAX])
{
	int count = 0;

	for (const char *name = list;; name++) {
		size_t length = strcspn(name, ",");
		const struct column *column = find_column(set, name, length);

		if (!column || count == COLUMNS_MAX)
			return -EINVAL;
		chosen[count++] = column;
		name += length;
		if (!*name)
			return count;
	}
}

int columns_choose(const struct column_set *set, const char *list, bool all,
		   const struct column *chosen[COLUMNS_MAX])
{
	int count = 0;

	if (list)
		return choose_named(set, list, chosen);
	for (size_t i = 0; i < set->count; i++)
		if (all || set->columns[i].usual)
			chosen[count++] = &set->columns[i];
	return count;
}
