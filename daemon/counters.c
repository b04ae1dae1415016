// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "counters.h"
#include "process.h"
#include "text.h"

#define FILE_NAME "counters"
#define LINE_SIZE 160

static int parse(char *line, struct counters *ret)
{
	uint64_t *const values[] = { &ret->served, &ret->failed, &ret->refused, &ret->enobufs,
				     &ret->bad_sender };
	char *rest = line;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const char *word = strsep(&rest, " ");

		if (!word || text_number(word, 0, UINT64_MAX, values[i]) < 0)
			return -EBADMSG;
	}
	return rest ? -EBADMSG : 0;
}

void counters_load(const char *folder, struct counters *ret)
{
	char path[PATH_MAX], line[LINE_SIZE];
	struct counters counters = { 0 };

	*ret = counters;
	(void)snprintf(path, sizeof(path), "%s/" FILE_NAME, folder);
	if (read_line(path, line, sizeof(line)) >= 0 && parse(line, &counters) >= 0)
		*ret = counters;
}

static int write_file(const char *path, const struct counters *counters)
{
	cleanup_file FILE *file = fopen(path, "we");

	if (!file)
		return -errno;
	if (fprintf(file, "%llu %llu %llu %llu %llu\n", (unsigned long long)counters->served,
		    (unsigned long long)counters->failed, (unsigned long long)counters->refused,
		    (unsigned long long)counters->enobufs,
		    (unsigned long long)counters->bad_sender) < 0 ||
	    fflush(file))
		return -EIO;
	return 0;
}

int counters_save(const char *folder, const struct counters *counters)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	int ret;

	(void)snprintf(path, sizeof(path), "%s/" FILE_NAME, folder);
	(void)snprintf(temporary, sizeof(temporary), "%s/." FILE_NAME, folder);
	ret = write_file(temporary, counters);
	if (ret >= 0 && rename(temporary, path) < 0)
		ret = -errno;
	return ret;
}
