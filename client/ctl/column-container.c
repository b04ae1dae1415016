// SPDX-License-Identifier: GPL-2.0-or-later
/* The columns of containers. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "column.h"

COLUMN_STRING(struct upcall_entry, name)
COLUMN_NUMBER(struct upcall_entry, id)
COLUMN_STRING(struct upcall_entry, state)
COLUMN_NUMBER(struct upcall_entry, leader)
COLUMN_NUMBER(struct upcall_entry, uid)
COLUMN_STRING(struct upcall_entry, cgroup)
COLUMN_STRING(struct upcall_entry, policy)
COLUMN_NUMBER(struct upcall_entry, pending)
COLUMN_NUMBER(struct upcall_entry, served)
COLUMN_NUMBER(struct upcall_entry, failed)
COLUMN_STRING(struct upcall_entry, runtime)
COLUMN_STRINGS(struct upcall_entry, labels)
COLUMN_STRINGS(struct upcall_entry, warnings)
COLUMN_STRING(struct upcall_entry, worker)
COLUMN_NUMBER(struct upcall_entry, seccomp_filter)

static char *cgroup_derived_text(const void *row)
{
	return strdup(((const struct upcall_entry *)row)->cgroup_derived ? "yes" : "no");
}

static void cgroup_derived_json(const char *key, const void *row)
{
	json_bool(key, ((const struct upcall_entry *)row)->cgroup_derived);
}

static char *since_text(const void *row)
{
	const struct upcall_entry *entry = row;
	time_t seconds = (time_t)(entry->since / 1000000);
	char text[64];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%FT%TZ", &tm))
		return strdup("");
	return strdup(text);
}

static void since_json(const char *key, const void *row)
{
	char *text = since_text(row);

	json_string(key, text ?: "");
	free(text);
}

static char *namespaces_text(const void *row)
{
	const struct upcall_entry *entry = row;
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

static void namespaces_json(const char *key, const void *row)
{
	const struct upcall_entry *entry = row;

	json_open(key, '{');
	for (const struct upcall_namespace *ns = entry->namespaces; ns->type; ns++)
		json_number(ns->type, ns->inode);
	json_close('}');
}

static const struct column columns[] = {
	{ "name", "name of the container", true, false, name_text, name_json },
	{ "id", "number in the kernel's table", false, true, id_text, id_json },
	{ "state", "live; waiting for the module; tombstone: refused all", true, false, state_text,
	  state_json },
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
	{ "worker", "none, starting, connected", false, false, worker_text, worker_json },
	{ "seccomp-filter", "instructions of its filter, 0: none known", false, true,
	  seccomp_filter_text, seccomp_filter_json },
	{ "cgroup-derived", "nobody has named its boundary: others may be in it", false, false,
	  cgroup_derived_text, cgroup_derived_json },
};

const struct column_set container_columns = { "containers", columns,
					      sizeof(columns) / sizeof(columns[0]) };
