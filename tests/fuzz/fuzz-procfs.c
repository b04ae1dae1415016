// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files of procfs as the worker reads them (daemon/worker/parse.c)
 *
 * Every parser sees every input. Accepted facts, written as the kernel would,
 * are read as the same; an id is never one that stands for another.
 */
#include <errno.h>
#include <inttypes.h>

#include "fuzz.h"
#include "parse.h"

#define UNTOUCHED   0x5a5a5a5a
#define OVERFLOW_ID 65534u

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

static void check_status(const char *text)
{
	struct status_facts facts, again;
	char canonical[512];

	memset(&facts, 0x5a, sizeof(facts));
	memset(&again, 0x5a, sizeof(again));
	if (parse_status(text, &facts) < 0) {
		property(!memcmp(&facts, &again, sizeof(facts)));
		return;
	}
	check_word(text, "Uid:", 1, facts.uid);
	check_word(text, "Gid:", 1, facts.gid);
	check_word(text, "Seccomp:", 0, facts.seccomp);
	check_word(text, "NoNewPrivs:", 0, facts.no_new_privs);
	(void)snprintf(canonical, sizeof(canonical),
		       "Uid:\t1\t%u\t3\t4\nGid:\t1\t%u\t3\t4\nCapBnd:\t%016" PRIx64
		       "\nNoNewPrivs:\t%d\nSeccomp:\t%u\n",
		       facts.uid, facts.gid, facts.cap_bounding, facts.no_new_privs, facts.seccomp);
	property(parse_status(canonical, &again) == 0);
	property(facts.uid == again.uid && facts.gid == again.gid &&
		 facts.cap_bounding == again.cap_bounding && facts.seccomp == again.seccomp &&
		 facts.no_new_privs == again.no_new_privs);
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

static void check_pidfd_info(const char *text)
{
	uint32_t pid = UNTOUCHED;
	int ret = parse_pidfd_info(text, &pid);

	property(ret == 0 || ret == -ESRCH || ret == -EBADMSG);
	if (ret == 0) {
		property(pid >= 1 && pid <= INT32_MAX);
		check_word(text, "Pid:", 0, pid);
	}
}

/* Is there a line whose first number is 0? */
static bool maps_zero(const char *text)
{
	while (*text) {
		text += strspn(text, " \t");
		if (text[0] == '0' && strchr(" \t", text[1]))
			return true;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return false;
}

/* Does a line map `outside` to `inside`? The lines have been accepted. */
static bool maps(const char *text, uint64_t outside, uint64_t inside)
{
	uint64_t first, lower, count;

	for (; text && *text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
		property(sscanf(text, "%" SCNu64 "%" SCNu64 "%" SCNu64, &first, &lower, &count) ==
			 3);
		if (outside >= lower && outside - lower < count &&
		    first + outside - lower == inside)
			return true;
	}
	return false;
}

static void check_id_map(const char *text, uint32_t outside)
{
	uint32_t inside = UNTOUCHED;
	int ret = parse_id_map(text, outside, &inside);

	if (ret < 0) {
		property((ret == -EBADMSG || ret == -EPERM) && inside == UNTOUCHED);
		return;
	}
	property(inside != UINT32_MAX && inside != OVERFLOW_ID);
	property(inside ? maps(text, outside, inside) : maps_zero(text));
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
	static const uint32_t ids[] = { 0, 1, 1000, 65534, 100000, UINT32_MAX };
	cleanup_free char *text = fuzz_text(data, size);

	check_status(text);
	check_bset(text);
	check_pidfd_info(text);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		check_id_map(text, ids[i]);
	check_label(text);
	check_cgroup(text, 1);
	check_cgroup(text, 32);
	check_cgroup(text, 1024);
	return 0;
}
