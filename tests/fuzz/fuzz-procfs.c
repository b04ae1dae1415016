// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files of procfs as the worker reads them (daemon/worker/parse.c)
 *
 * Every parser sees every input. Accepted facts, written as the kernel would,
 * are read as the same.
 */
#include <errno.h>
#include <inttypes.h>

#include "fuzz.h"
#include "parse.h"

#define UNTOUCHED 0x5a5a5a5a

static const char *line_of(const char *text, const char *name)
{
	size_t size = strlen(name);

	while (strncmp(text, name, size) != 0) {
		text = strchr(text, '\n');
		property(text++);
	}
	return text + size;
}

/* The number at `index` of the line is that, in this very form. */
static void check_word(const char *text, const char *name, int index, uint64_t number)
{
	const char *word = line_of(text, name);
	char decimal[24];

	word += strspn(word, " \t");
	for (; index > 0; index--) {
		word += strcspn(word, " \t\n");
		word += strspn(word, " \t");
	}
	(void)snprintf(decimal, sizeof(decimal), "%" PRIu64, number);
	property(strcspn(word, " \t\n") == strlen(decimal));
	property(!strncmp(word, decimal, strlen(decimal)));
}

static void check_bset(const char *text)
{
	uint64_t set = UNTOUCHED, again;
	char canonical[64];

	if (parse_bset(text, &set) < 0) {
		property(set == UNTOUCHED);
		return;
	}
	(void)snprintf(canonical, sizeof(canonical), "%" PRIu32 "\t%" PRIu32 "\n", (uint32_t)set,
		       (uint32_t)(set >> 32));
	property(parse_bset(canonical, &again) == 0 && again == set);
	check_word(text, "", 0, set & UINT32_MAX);
	check_word(text, "", 1, set >> 32);
}

static void check_label(const char *text)
{
	char label[LABEL_LEN];
	size_t size;

	if (parse_label(text, label) < 0)
		return;
	size = strnlen(label, sizeof(label));
	property(size < sizeof(label) && !strchr(label, '\n') && !strstr(label, "//&"));
	property(label[0] != ':' && !strncmp(text, label, size));
	/* nothing that is confined is taken for unconfined */
	property(size > 0 || !strncmp(text, "unconfined", strlen("unconfined")));
	property(!text[size] || text[size] == '\n' || text[size] == ' ' || size == 0);
}

static void check_cgroup(const char *text, size_t room)
{
	cleanup_free char *path = malloc(room);
	const char *line;
	size_t size;

	property(path);
	if (parse_cgroup(text, path, room) < 0)
		return;
	line = line_of(text, "0::/");
	size = strcspn(line, "\n");
	property(size < room && strlen(path) == size && !strncmp(path, line, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_text(data, size);

	check_bset(text);
	check_label(text);
	check_cgroup(text, 1);
	check_cgroup(text, 32);
	check_cgroup(text, 1024);
	return 0;
}
