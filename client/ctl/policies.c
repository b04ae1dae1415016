// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "config.h"
#include "policies.h"
#include "text.h"

int policies_add_directory(char ***directories, const char *directory)
{
	return strv_append(directories, directory, strlen(directory));
}

void policies_print_error(FILE *out, const char *file, unsigned int line, const char *reason)
{
	char text[CONFIG_ERROR_SIZE * 4];

	text_show(file, strlen(file), text, sizeof(text));
	fputs(text, out);
	if (line)
		fprintf(out, ":%u", line);
	text_show(reason, strlen(reason), text, sizeof(text));
	fprintf(out, ": %s\n", text);
}
