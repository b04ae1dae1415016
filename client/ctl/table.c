// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libsmartcols draws the table. JSON is our own: smartcols cannot say an empty
 * list or an object in a cell.
 */
#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "table.h"

static void cleanup_table(struct libscols_table **table)
{
	scols_unref_table(*table);
}

static int add_column(struct libscols_table *table, const struct column *column)
{
	char heading[32] = "";

	for (size_t i = 0; i < sizeof(heading) - 1 && column->name[i]; i++)
		heading[i] = column_capital(column->name[i]);
	if (!scols_table_new_column(table, heading, 0, column->number ? SCOLS_FL_RIGHT : 0))
		return -ENOMEM;
	return 0;
}

static int add_line(struct libscols_table *table, const void *row, const struct column **chosen,
		    int count)
{
	struct libscols_line *line;
	int r = 0;

	line = scols_table_new_line(table, NULL);
	if (!line)
		return -ENOMEM;
	for (int i = 0; i < count && r >= 0; i++) {
		char *text = chosen[i]->text(row);

		r = text ? scols_line_refer_data(line, (size_t)i, text) : -ENOMEM;
		if (r < 0)
			free(text);
	}
	return r;
}

static int print_table(const void *const *rows, const struct table_format *format,
		       const struct column **chosen, int count)
{
	cleanup_with(cleanup_table) struct libscols_table *table = NULL;
	int r;

	table = scols_new_table();
	if (!table)
		return -ENOMEM;
	r = scols_table_enable_raw(table, format->raw);
	if (r >= 0)
		r = scols_table_enable_noheadings(table, format->no_headings);
	for (int i = 0; i < count && r >= 0; i++)
		r = add_column(table, chosen[i]);
	for (; *rows && r >= 0; rows++)
		r = add_line(table, *rows, chosen, count);
	return r < 0 ? r : scols_print_table(table);
}

static void print_row(const void *row, const struct column **chosen, int count)
{
	for (int i = 0; i < count; i++)
		chosen[i]->json(chosen[i]->name, row);
}

static void print_rows(const char *name, const void *const *rows, const struct column **chosen,
		       int count)
{
	json_open(name, '[');
	for (; *rows; rows++) {
		json_open(NULL, '{');
		print_row(*rows, chosen, count);
		json_close('}');
	}
	json_close(']');
}

void table_json(const struct column_set *set, const void *const *rows)
{
	const struct column *all[COLUMNS_MAX];

	print_rows(set->rows, rows, all, columns_choose(set, NULL, /* all= */ true, all));
}

void table_json_row(const struct column_set *set, const void *row)
{
	const struct column *all[COLUMNS_MAX];

	print_row(row, all, columns_choose(set, NULL, /* all= */ true, all));
}

int table_print(const struct column_set *set, const void *const *rows,
		const struct table_format *format)
{
	const struct column *chosen[COLUMNS_MAX];
	int count;

	count = columns_choose(set, format->columns, /* all= */ format->json, chosen);
	if (count < 0)
		return count;
	if (!format->json)
		return print_table(rows, format, chosen, count);
	json_open(NULL, '{');
	print_rows(set->rows, rows, chosen, count);
	json_close('}');
	return 0;
}
