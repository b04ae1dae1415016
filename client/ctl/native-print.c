// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "describe.h"
#include "json.h"
#include "native-print.h"
#include "text.h"

static const char *const class_names[] = { "core", "key", "module", "release-agent", "other" };
static const char *const scope_names[] = { "host", "container", "unregistered", "kthread",
					   "ambiguous" };
static const char *const context_names[] = { "task", "kthread", "workqueue" };
static const char *const origin_names[] = { "syscall", "kernel" };
/* In the order of enum upcall_ns. */
static const char *const ns_names[UPCALL_NS_COUNT] = { "pid", "mnt", "net",    "user",
						       "uts", "ipc", "cgroup", "time" };

/* A newer module may say more than we know. */
#define NAME_OF(names, number) \
	((number) < sizeof(names) / sizeof((names)[0]) ? (names)[number] : "unknown")

static const char *verdict_name(const struct tags *tags)
{
	return tags->verdict == UPCALL_VERDICT_NATIVE ? "native" : "refused";
}

static const char *waits_for(const struct tags *tags)
{
	if (tags->wait & UPCALL_WAIT_PROC)
		return "exit";
	return tags->wait & UPCALL_WAIT_EXEC ? "exec" : "nothing";
}

/* -------------------------------------------------------------------- text */

#define COLUMNS "%-7s %-17s %-12s %-12s %-22s %6s "

/* Of any length; text_escape() looks at each byte by itself. */
static void print_escaped(struct tags_text text)
{
	char shown[1024 + 1];

	while (text.size > 0) {
		size_t piece = text.size < 256 ? text.size : 256;

		text_escape(text.data, piece, shown, sizeof(shown));
		fputs(shown, stdout);
		text.data += piece;
		text.size -= piece;
	}
}

/* What the kernel executes, and its arguments. */
static void print_command(const struct tags *tags)
{
	const char *next = tags->argv.data, *end = next + tags->argv.size;

	print_escaped(tags->path);
	for (bool first = true; next < end; first = false) {
		size_t length = strlen(next);

		if (!first) {
			putchar(' ');
			print_escaped((struct tags_text){ next, length });
		}
		next += length + 1;
	}
}

static void print_namespaces(const struct tags *tags)
{
	for (size_t i = 0; i < UPCALL_NS_COUNT; i++)
		printf("%s:%" PRIu32 " ", ns_names[i], tags->ns[i]);
}

static void print_text(const struct native_options *options, const struct native_event *event)
{
	const struct tags *tags = &event->tags;
	char class[160], key_type[UPCALL_KEY_TYPE_LEN * 4], comm[64], requester[96], uid[16];

	text_escape(tags->key.type.data, tags->key.type.size, key_type, sizeof(key_type));
	snprintf(class, sizeof(class), "%s%s%s", NAME_OF(class_names, tags->class),
		 *key_type ? "/" : "", key_type);
	text_escape(tags->comm.data, tags->comm.size, comm, sizeof(comm));
	snprintf(requester, sizeof(requester), "%s[%" PRIu32 "]", comm, tags->tgid);
	snprintf(uid, sizeof(uid), "%" PRIu32, tags->uid);
	print_clock(event->at);
	printf(COLUMNS, verdict_name(tags), class, NAME_OF(scope_names, tags->scope),
	       *event->container ? event->container : "-", requester, uid);
	if (options->namespaces)
		print_namespaces(tags);
	print_command(tags);
	putchar('\n');
}

void native_print_heading(const struct native_options *options)
{
	if (options->json)
		return;
	printf("%-12s ", "TIME");
	printf(COLUMNS, "VERDICT", "CLASS", "SCOPE", "CONTAINER", "REQUESTER", "UID");
	printf("%sCOMMAND\n", options->namespaces ? "NAMESPACES " : "");
}

/* -------------------------------------------------------------------- JSON */

static void json_text(const char *key, struct tags_text text)
{
	cleanup_free char *string = text.size ? strndup(text.data, text.size) : NULL;

	json_string(key, string ?: "");
}

static void json_texts(const char *key, struct tags_text texts)
{
	const char *next = texts.data, *end = next + texts.size;

	json_open(key, '[');
	for (; next < end; next += strlen(next) + 1)
		json_string(NULL, next);
	json_close(']');
}

static void json_namespaces(const struct tags *tags)
{
	json_open("namespaces", '{');
	for (size_t i = 0; i < UPCALL_NS_COUNT; i++)
		json_number(ns_names[i], tags->ns[i]);
	json_close('}');
	json_number("net-cookie", tags->net_cookie);
}

static void json_key(const struct tags_key *key)
{
	json_open("key", '{');
	json_number("serial", (uint64_t)key->serial);
	json_text("type", key->type);
	json_text("description", key->description);
	json_string("origin", NAME_OF(origin_names, key->origin));
	if (key->has_net) {
		json_number("net", key->net);
		json_number("net-cookie", key->net_cookie);
	}
	json_close('}');
}

static void json_core(const struct tags *tags)
{
	json_open("core", '{');
	json_number("signal", tags->core_signal);
	json_number("dump-mode", tags->core_dump_mode);
	json_close('}');
}

static void json_requester(const struct tags *tags)
{
	json_number("requester", tags->tgid);
	json_number("tid", tags->tid);
	json_number("start-time", tags->start_time);
	json_text("comm", tags->comm);
	json_number("uid", tags->uid);
	json_number("gid", tags->gid);
	json_number("cgroup-id", tags->cgroup_id);
	json_namespaces(tags);
}

static void print_json(const struct native_event *event)
{
	const struct tags *tags = &event->tags;

	json_open(NULL, '{');
	json_string("event", verdict_name(tags));
	json_number("at", event->at);
	json_string("class", NAME_OF(class_names, tags->class));
	json_text("key-type", tags->key.type);
	json_string("scope", NAME_OF(scope_names, tags->scope));
	json_string("container", event->container);
	json_number("container-id", tags->container);
	json_string("context", NAME_OF(context_names, tags->context));
	json_string("waits-for", waits_for(tags));
	json_requester(tags);
	json_text("path", tags->path);
	json_texts("arguments", tags->argv);
	json_texts("environment", tags->envp);
	if (tags->key.present)
		json_key(&tags->key);
	if (tags->has_core)
		json_core(tags);
	if (tags->release_cgroup.size)
		json_text("release-cgroup", tags->release_cgroup);
	json_close('}');
}

void native_print(const struct native_options *options, const struct native_event *event)
{
	if (options->json)
		print_json(event);
	else
		print_text(options, event);
}

void native_print_lost(const struct native_options *options, uint64_t at, uint32_t count)
{
	if (options->json) {
		json_open(NULL, '{');
		json_string("event", "lost");
		json_number("at", at);
		if (count)
			json_number("count", count);
		json_close('}');
		return;
	}
	print_clock(at);
	if (count)
		printf("lost    %" PRIu32 " upcalls before the next line\n", count);
	else
		printf("lost    some upcalls: more came than were read\n");
}
