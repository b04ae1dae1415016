// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines of a configuration file
 *
 * Our own, because a policy is a security boundary: the packaged INI libraries
 * cut long values, pass what they do not know, or take "yes" for a number.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config-lines.h"
#include "text.h"

/* What is quoted need not be UTF-8, or is cut within a character: D-Bus and terminals get ASCII. */
int lines_fail(const struct lines *lines, const char *format, ...)
{
	char reason[CONFIG_ERROR_SIZE / 2], text[CONFIG_ERROR_SIZE], shown[CONFIG_ERROR_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	text_show(reason, strlen(reason), shown, sizeof(shown));
	(void)snprintf(text, sizeof(text), "%s:%u: %s", lines->file, lines->line, reason);
	text_show(text, strlen(text), lines->error, CONFIG_ERROR_SIZE);
	if (lines->observer)
		lines->observer->error(lines->observer, lines->file, lines->line, shown);
	return -EINVAL;
}

int lines_yes(const struct lines *lines, const char *name, const char *value, bool *ret)
{
	bool yes = !strcmp(value, "yes");

	if (!yes && strcmp(value, "no"))
		return lines_fail(lines, "%s=%s: neither yes nor no", name, value);
	*ret = yes;
	return 0;
}

int lines_number(const struct lines *lines, const char *name, const char *value, unsigned int min,
		 unsigned int max, unsigned int *ret)
{
	uint64_t number;

	if (text_number(value, min, max, &number) < 0)
		return lines_fail(lines, "%s=%s: no number from %u to %u", name, value, min, max);
	*ret = (unsigned int)number;
	return 0;
}

static int find_section(struct lines *lines, const char *title)
{
	for (char **seen = lines->seen; seen && *seen; seen++)
		if (!strcmp(*seen, title))
			return lines_fail(lines, "[%s] is there twice", title);
	if (strv_append(&lines->seen, title, strlen(title)) < 0)
		return -ENOMEM;
	return lines->section(lines, title);
}

static int enter_section(struct lines *lines, const char *title)
{
	int ret = find_section(lines, title);

	lines->inside = true;
	lines->refused = ret < 0;
	return ret;
}

static int parse_setting(struct lines *lines, const char *name, const char *value)
{
	if (lines->refused)
		return 0;
	if (!lines->inside)
		return lines_fail(lines, "%s= before any section", name);
	return lines->setting(lines, name, value);
}

static char *trim(char *text)
{
	size_t size;

	text += strspn(text, " \t");
	size = strlen(text);
	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
		text[--size] = '\0';
	return text;
}

static int parse_line(struct lines *lines, char *line)
{
	char *text = trim(line), *value;
	size_t size = strlen(text);

	if (!size || *text == '#' || *text == ';')
		return 0;
	if (*text == '[') {
		if (text[size - 1] != ']') {
			lines->refused = true;
			return lines_fail(lines, "'%.*s%s' is no section", TEXT_SHORT(text, 64));
		}
		text[size - 1] = '\0';
		return enter_section(lines, text + 1);
	}
	value = strchr(text, '=');
	if (!value || value == text)
		return lines_fail(lines, "'%.*s%s' is neither a section nor SETTING=VALUE",
				  TEXT_SHORT(text, 64));
	*value++ = '\0';
	return parse_setting(lines, trim(text), trim(value));
}

static int check_bytes(const struct lines *lines, const char *line, size_t size)
{
	if (size > CONFIG_LINE_MAX)
		return lines_fail(lines, "longer than %d bytes", CONFIG_LINE_MAX);
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return lines_fail(lines, "control character 0x%02x",
					  (unsigned char)line[i]);
	return 0;
}

int lines_parse(struct lines *lines, const char *text, size_t size)
{
	const char *end = text + size;
	char line[CONFIG_LINE_MAX + 1];
	int ret, worst = 0;

	while (text < end && !config_is_end(lines->observer, worst)) {
		const char *stop = memchr(text, '\n', (size_t)(end - text)) ?: end;

		lines->line++;
		ret = check_bytes(lines, text, (size_t)(stop - text));
		if (ret >= 0) {
			text_copy(line, sizeof(line), text, (size_t)(stop - text));
			ret = parse_line(lines, line);
		}
		if (ret < 0 && lines->failed)
			lines->failed(lines, /* first= */ worst == 0);
		if (worst == 0 || ret == -ENOMEM)
			worst = ret;
		text = stop + 1;
	}
	lines->seen = strv_free(lines->seen);
	return worst;
}
