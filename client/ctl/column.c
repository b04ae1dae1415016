// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The columns. In tables, lists are joined by commas; in JSON they are lists,
 * and numbers are numbers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "column.h"
#include "json.h"

#define STRING_COLUMN(member)                                                        \
	static char *member##_text(const struct upcall_entry *entry)                 \
	{                                                                            \
		return strdup(entry->member);                                        \
	}                                                                            \
	static void member##_json(const char *key, const struct upcall_entry *entry) \
	{                                                                            \
		json_string(key, entry->member);                                     \
	}

#define NUMBER_COLUMN(member)                                                        \
	static char *member##_text(const struct upcall_entry *entry)                 \
	{                                                                            \
		return number_text(entry->member);                                   \
	}                                                                            \
	static void member##_json(const char *key, const struct upcall_entry *entry) \
	{                                                                            \
		json_number(key, entry->member);                                     \
	}

#define STRINGS_COLUMN(member)                                                       \
	static char *member##_text(const struct upcall_entry *entry)                 \
	{                                                                            \
		return strings_text(entry->member);                                  \
	}                                                                            \
	static void member##_json(const char *key, const struct upcall_entry *entry) \
	{                                                                            \
		json_strings(key, entry->member);                                    \
	}

static char *number_text(uint64_t number)
{
	char *text;

	return asprintf(&text, "%" PRIu64, number) < 0 ? NULL : text;
}

static char *strings_text(const char *const *strings)
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

STRING_COLUMN(name)
NUMBER_COLUMN(id)
STRING_COLUMN(state)
NUMBER_COLUMN(leader)
NUMBER_COLUMN(uid)
STRING_COLUMN(cgroup)
STRING_COLUMN(policy)
NUMBER_COLUMN(pending)
NUMBER_COLUMN(served)
NUMBER_COLUMN(failed)
STRING_COLUMN(runtime)
STRINGS_COLUMN(labels)
STRINGS_COLUMN(warnings)

static char *since_text(const struct upcall_entry *entry)
{
	time_t seconds = (time_t)(entry->since / 1000000);
	char text[64];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%FT%TZ", &tm))
		return strdup("");
	return strdup(text);
}

static void since_json(const char *key, const struct upcall_entry *entry)
{
	char *text = since_text(entry);

	json_string(key, text ?: "");
	free(text);
}

static char *namespaces_text(const struct upcall_entry *entry)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	for (const struct upcall_namespace *ns = entry->namespaces; ns->type; ns++)
		fprintf(out, "%s%s:%u", ns == entry->namespaces ? "" : ",", ns->type, ns->inode);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void namespaces_json(const char *key, const struct upcall_entry *entry)
{
	json_open(key, '{');
	for (const struct upcall_namespace *ns = entry->namespaces; ns->type; ns++)
		json_number(ns->type, ns->inode);
	json_close('}');
}

const struct column columns[COLUMNS_MAX] = {
	{ "name", "name of the container", true, false, name_text, name_json },
	{ "id", "number in the kernel's table", false, true, id_text, id_json },
	{ "state", "live, or tombstone: refused all", true, false, state_text, state_json },
	{ "leader", "pid of its first process", true, true, leader_text, leader_json },
	{ "uid", "who registered it", false, true, uid_text, uid_json },
	{ "cgroup", "its boundary", false, false, cgroup_text, cgroup_json },
	{ "policy", "file that decides", true, false, policy_text, policy_json },
	{ "pending", "upcalls under way", true, true, pending_text, pending_json },
	{ "served", "upcalls answered", true, true, served_text, served_json },
	{ "failed", "upcalls that failed", true, true, failed_text, failed_json },
	{ "since", "time of registration", false, false, since_text, since_json },
	{ "runtime", "what made it", false, false, runtime_text, runtime_json },
	{ "namespaces", "its own", false, false, namespaces_text, namespaces_json },
	{ "labels", "given at registration", false, false, labels_text, labels_json },
	{ "warnings", "what is not as it should be", false, false, warnings_text, warnings_json },
};

static const struct column *find_column(const char *name, size_t length)
{
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		if (strlen(columns[i].name) == length &&
		    strncasecmp(columns[i].name, name, length) == 0)
			return &columns[i];
	return NULL;
}

static int choose_named(const char *list, const struct column *chosen[COLUMNS_MAX])
{
	int count = 0;

	for (const char *name = list;; name++) {
		size_t length = strcspn(name, ",");
		const struct column *column = find_column(name, length);

		if (!column || count == COLUMNS_MAX)
			return -EINVAL;
		chosen[count++] = column;
		name += length;
		if (!*name)
			return count;
	}
}

int columns_choose(const char *list, bool all, const struct column *chosen[COLUMNS_MAX])
{
	int count = 0;

	if (list)
		return choose_named(list, chosen);
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		if (all || columns[i].usual)
			chosen[count++] = &columns[i];
	return count;
}
