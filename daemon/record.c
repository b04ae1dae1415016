// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "journal.h"
#include "list.h"
#include "memory.h"
#include "record.h"
#include "step.h"
#include "text.h"

#define SUPPRESSED_MESSAGE_ID "1d6f0f3cbbd84c6c9b6c6e6f0d1a7be1"
#define SENTENCE_SIZE	      512

static const struct {
	const char *name;
	const char *message_id;
	int priority;
} results[RECORD_RESULT_COUNT] = {
	[RECORD_SERVED] = { "served", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a0", LOG_INFO },
	[RECORD_FAILED] = { "failed", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a1", LOG_NOTICE },
	[RECORD_KILLED] = { "killed", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a2", LOG_NOTICE },
	[RECORD_OOM] = { "oom-killed", "6395f4e18a2249ba8d556adcfc91a30d", LOG_NOTICE },
	[RECORD_TIMEOUT] = { "timeout", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a3", LOG_NOTICE },
	[RECORD_EXEC_FAILED] = { "exec-failed", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a4", LOG_NOTICE },
	[RECORD_BAD_ANSWER] = { "bad-answer", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a5", LOG_NOTICE },
	[RECORD_ENTRY_FAILED] = { "entry-failed", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a6", LOG_WARNING },
	[RECORD_GONE] = { "gone", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a7", LOG_INFO },
	[RECORD_REFUSED] = { "refused", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a8", LOG_NOTICE },
	[RECORD_NATIVE] = { "native", "8f4f5a39b1d54a1f9f0a6b1c27d0e3a9", LOG_INFO },
	[RECORD_LOST] = { "lost", "8f4f5a39b1d54a1f9f0a6b1c27d0e3aa", LOG_WARNING },
};

static const char *const class_names[UPCALL_CLASS_COUNT] = {
	[UPCALL_CLASS_CORE] = "core",	  [UPCALL_CLASS_KEY] = "key",
	[UPCALL_CLASS_MODULE] = "module", [UPCALL_CLASS_RELEASE_AGENT] = "release-agent",
	[UPCALL_CLASS_OTHER] = "other",
};

static const char *const ns_fields[UPCALL_NS_COUNT] = {
	[UPCALL_NS_PID] = "UPCALL_NS_PID",	 [UPCALL_NS_MNT] = "UPCALL_NS_MNT",
	[UPCALL_NS_NET] = "UPCALL_NS_NET",	 [UPCALL_NS_USER] = "UPCALL_NS_USER",
	[UPCALL_NS_UTS] = "UPCALL_NS_UTS",	 [UPCALL_NS_IPC] = "UPCALL_NS_IPC",
	[UPCALL_NS_CGROUP] = "UPCALL_NS_CGROUP", [UPCALL_NS_TIME] = "UPCALL_NS_TIME",
};

const char *class_name(uint32_t class)
{
	return class < UPCALL_CLASS_COUNT ? class_names[class] : "unknown";
}

const char *record_result_name(enum record_result result)
{
	return results[result].name;
}

enum record_result record_result_of(uint32_t outcome)
{
	switch ((enum worker_outcome)outcome) {
	case WORKER_SERVED:
		return RECORD_SERVED;
	case WORKER_HANDLER_FAILED:
		return RECORD_FAILED;
	case WORKER_HANDLER_KILLED:
		return RECORD_KILLED;
	case WORKER_HANDLER_OOM:
		return RECORD_OOM;
	case WORKER_HANDLER_TIMEOUT:
		return RECORD_TIMEOUT;
	case WORKER_EXEC_FAILED:
		return RECORD_EXEC_FAILED;
	case WORKER_BAD_ANSWER:
		return RECORD_BAD_ANSWER;
	case WORKER_ENTRY_FAILED:
		return RECORD_ENTRY_FAILED;
	case WORKER_GONE:
		return RECORD_GONE;
	}
	return RECORD_FAILED;
}

void facts_from_tags(struct facts *facts, const struct tags *tags)
{
	facts->id = tags->id;
	facts->generation = tags->generation;
	facts->class = tags->class;
	facts->origin = tags->key.present ? tags->key.origin : UPCALL_ORIGIN_SYSCALL;
	facts->tgid = tags->tgid;
	facts->depth = tags->depth;
	memcpy(facts->ns, tags->ns, sizeof(facts->ns));
	text_copy(facts->comm, sizeof(facts->comm), tags->comm.data, tags->comm.size);
	text_copy(facts->key_type, sizeof(facts->key_type), tags->key.type.data,
		  tags->key.type.size);
}

/* ------------------------------------------------------------------- rate */

static void second_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct records *records = container_of(timer, struct records, second);
	struct journal_entry entry;

	journal_begin(&entry, LOG_WARNING);
	journal_field(&entry, "MESSAGE_ID", SUPPRESSED_MESSAGE_ID);
	journal_field(
		&entry, "MESSAGE",
		"%llu records of upcalls were left out: more than %u a second of one container, or of one user's",
		(unsigned long long)records->suppressed, RECORD_RATE);
	journal_field(&entry, "UPCALL_SUPPRESSED", "%llu", (unsigned long long)records->suppressed);
	journal_send(&entry);
	records->suppressed = 0;
}

void records_init(struct records *records, struct ev_loop *loop)
{
	/* without it, nothing is remembered */
	*records = (struct records){ .loop = loop, .memory = memory_new() };
	ev_timer_init(&records->second, second_over, 1., 0.);
}

void records_stop(struct records *records)
{
	if (records->suppressed)
		second_over(records->loop, &records->second, 0);
	if (records->loop)
		ev_timer_stop(records->loop, &records->second);
	records->memory = memory_free(records->memory);
}

static bool rate_allows(struct records *records, const struct record *record)
{
	if (record_rate_allows(&records->rates, record->uid, record->container))
		return true;
	records->suppressed++;
	if (!ev_is_active(&records->second)) {
		ev_timer_set(&records->second, 1., 0.);
		ev_timer_start(records->loop, &records->second);
	}
	return false;
}

/* ---------------------------------------------------------------- entries */

/* That time was over is what the result says, and no connection was. */
const char *record_error(const struct record *record)
{
	return record->error && record->result != RECORD_TIMEOUT ? strerror(record->error) : NULL;
}

/* ": exit status 3"; "" where the result says it all */
static void ending(const struct record *record, char *out, size_t room)
{
	*out = '\0';
	if (record->result == RECORD_FAILED && WIFEXITED(record->wait_status) &&
	    record->wait_status)
		(void)snprintf(out, room, ": exit status %d", WEXITSTATUS(record->wait_status));
	else if (record->result == RECORD_KILLED && WIFSIGNALED(record->wait_status))
		(void)snprintf(out, room, ": signal %d", WTERMSIG(record->wait_status));
}

/* "Upcall 7 (key user) of container web: entry-failed at cgroup: No such file or directory" */
static void sentence(const struct record *record, char *out, size_t room)
{
	const struct facts *facts = record->facts;
	const char *error = record_error(record);
	char type[4 * UPCALL_KEY_TYPE_LEN], end[32];

	text_escape(facts->key_type, strlen(facts->key_type), type, sizeof(type));
	ending(record, end, sizeof(end));
	(void)snprintf(out, room, "Upcall %llu (%s%s%s) of %s%s: %s%s%s%s%s%s%s%s",
		       (unsigned long long)facts->id, class_name(facts->class), *type ? " " : "",
		       type, record->container ? "container " : "nobody", record->container ?: "",
		       record_result_name(record->result), record->step ? " at " : "",
		       record->step ? step_name(record->step) : "", record->reason ? ": " : "",
		       record->reason ?: "", error ? ": " : "", error ?: "", end);
}

static void put_facts(struct journal_entry *entry, const struct facts *facts)
{
	journal_field(entry, "UPCALL_ID", "%llu", (unsigned long long)facts->id);
	journal_field(entry, "UPCALL_GENERATION", "%u", facts->generation);
	journal_field(entry, "UPCALL_CLASS", "%s", class_name(facts->class));
	journal_field(entry, "UPCALL_REQUESTER_PID", "%u", facts->tgid);
	journal_data(entry, "UPCALL_COMM", facts->comm, strlen(facts->comm));
	for (size_t i = 0; i < UPCALL_NS_COUNT; i++)
		if (facts->ns[i])
			journal_field(entry, ns_fields[i], "%u", facts->ns[i]);
	if (facts->class != UPCALL_CLASS_KEY)
		return;
	journal_data(entry, "UPCALL_KEY_TYPE", facts->key_type, strlen(facts->key_type));
	journal_field(entry, "UPCALL_ORIGIN", "%s",
		      facts->origin == UPCALL_ORIGIN_KERNEL ? "kernel" : "syscall");
}

static void put_text(struct journal_entry *entry, const char *name, const char *text)
{
	if (text && *text)
		journal_data(entry, name, text, strlen(text));
}

static void put_outcome(struct journal_entry *entry, const struct record *record)
{
	put_text(entry, "UPCALL_CONTAINER", record->container);
	put_text(entry, "UPCALL_OWNER_RULE", record->rule);
	put_text(entry, "UPCALL_POLICY", record->policy);
	put_text(entry, "UPCALL_SECTION", record->section);
	put_text(entry, "UPCALL_HANDLER", record->handler);
	put_text(entry, "UPCALL_RUN_IN", record->run_in);
	put_text(entry, "UPCALL_RESULT", record_result_name(record->result));
	put_text(entry, "UPCALL_REASON", record->reason);
	put_text(entry, "UPCALL_STEP", record->step ? step_name(record->step) : NULL);
	if (record->error)
		journal_field(entry, "UPCALL_ERRNO", "%d", record->error);
	if (record->wait_status)
		journal_field(entry, "UPCALL_STATUS", "%d", record->wait_status);
	journal_field(entry, "UPCALL_DURATION_USEC", "%llu",
		      (unsigned long long)record->duration_us);
}

void record_send(struct records *records, const struct record *record)
{
	struct journal_entry entry;
	char message[SENTENCE_SIZE];

	if (records->memory)
		memory_put(records->memory, record);
	if (records->watcher)
		records->watcher->ended(records->watcher, record);
	if (!rate_allows(records, record))
		return;
	sentence(record, message, sizeof(message));
	journal_begin(&entry, results[record->result].priority);
	journal_field(&entry, "MESSAGE_ID", "%s", results[record->result].message_id);
	journal_data(&entry, "MESSAGE", message, strlen(message));
	put_facts(&entry, record->facts);
	put_outcome(&entry, record);
	journal_send(&entry);
}

void record_offered(struct records *records, const struct tags *tags, const char *container)
{
	struct facts facts;

	if (!records->watcher)
		return;
	facts_from_tags(&facts, tags);
	records->watcher->offered(records->watcher, &facts, container);
}
