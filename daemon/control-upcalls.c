// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Methods about upcalls
 *
 * The kernel has the list of them; we know what we mean to do about each. One of
 * a daemon before us, or that we have not looked at yet, is shown as the kernel
 * tells it.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "control-dict.h"
#include "control.h"
#include "daemon.h"
#include "lane.h"
#include "memory.h"
#include "monitor.h"
#include "policy.h"
#include "shim.h"

#define LIST_ROOM 128
/* No more than the kernel ever has. */
#define LIST_MAX 4096

static const char *const states[UPCALL_STATE_COUNT] = {
	[UPCALL_STATE_NEW] = "new",	    [UPCALL_STATE_OFFERED] = "offered",
	[UPCALL_STATE_CLAIMED] = "claimed", [UPCALL_STATE_ATTACHING] = "attaching",
	[UPCALL_STATE_RUNNING] = "running", [UPCALL_STATE_DONE] = "done",
	[UPCALL_STATE_NATIVE] = "native",   [UPCALL_STATE_DEAD] = "dead",
	[UPCALL_STATE_AGAIN] = "again",
};

static const char *state_name(uint32_t state)
{
	return state < UPCALL_STATE_COUNT ? states[state] : "unknown";
}

static const char *waits_for(const struct upcall *upcall)
{
	switch (upcall->phase) {
	case UPCALL_WAITING:
		return "quota";
	case UPCALL_STARTING:
	case UPCALL_CLAIMED:
		return "worker";
	case UPCALL_HANDED:
	case UPCALL_LOST:
		break;
	}
	return "";
}

/* Microseconds until it is ended: the kernel's deadline, or RuntimeMaxSec= if that comes first. */
static uint64_t time_left(const struct upcall *upcall, const struct upcall_list_entry *entry)
{
	uint64_t left = entry->deadline_ns / 1000;
	double own;

	if (!upcall || upcall->phase != UPCALL_HANDED)
		return left;
	own = upcall->rule->run_sec - clock_since(upcall->handed_at);
	if (own < 0.)
		return 0;
	return own * 1e6 < (double)left ? (uint64_t)(own * 1e6) : left;
}

static int append_handling(sd_bus_message *reply, const struct upcall *upcall)
{
	int ret;

	ret = append_escaped(reply, "handler", upcall ? rule_handler_name(upcall->rule) : "");
	if (ret >= 0)
		ret = append_text(reply, "run-in", upcall ? rule_run_in_name(upcall->rule) : "");
	return ret < 0 ? ret : append_text(reply, "waits-for", upcall ? waits_for(upcall) : "");
}

/* What we do not know, the kernel does; if it has just ended, its class is all there is to say. */
static void find_facts(const struct daemon *daemon, const struct upcall *upcall,
		       const struct upcall_list_entry *entry, struct facts *facts)
{
	struct shim_info info = SHIM_INFO_NULL;

	*facts = (struct facts){ .id = entry->id, .class = entry->class };
	if (upcall)
		*facts = upcall->facts;
	else if (shim_info(daemon->shim_fd, entry->id, entry->generation, &info) >= 0)
		facts_from_tags(facts, &info.tags);
	shim_info_clear(&info);
	/* the kernel may have offered it again since we looked */
	facts->generation = entry->generation;
}

static const char *container_name(const struct daemon *daemon, const struct upcall *upcall,
				  const struct upcall_list_entry *entry)
{
	const struct container *container;

	if (upcall)
		return upcall->container;
	container = registry_by_id(&daemon->registry, entry->container);
	return container ? container->name : "";
}

static int append_pending(sd_bus_message *reply, const struct daemon *daemon,
			  const struct upcall_list_entry *entry)
{
	const struct upcall *upcall = queue_find(&daemon->queue, entry->id);
	struct facts facts;
	int ret;

	find_facts(daemon, upcall, entry, &facts);
	ret = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (ret >= 0)
		ret = control_append_facts(reply, &facts);
	if (ret >= 0)
		ret = append_text(reply, "container", container_name(daemon, upcall, entry));
	if (ret >= 0)
		ret = append_text(reply, "state", state_name(entry->state));
	if (ret >= 0)
		ret = append_handling(reply, upcall);
	if (ret >= 0)
		ret = append_u32(reply, "pid", entry->handler);
	if (ret >= 0)
		ret = append_u64(reply, "age", entry->age_ns / 1000);
	if (ret >= 0)
		ret = append_u64(reply, "left", time_left(upcall, entry));
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

static bool may_see(const struct control_link *link, const struct upcall_list_entry *entry)
{
	const struct container *container;

	if (link->uid == 0)
		return true;
	container = registry_by_id(&link->control->daemon->registry, entry->container);
	return container && control_may_see(link, container);
}

/* As far as one can tell: new ones come while we read. */
static int append_all_pending(sd_bus_message *reply, const struct control_link *link)
{
	const struct daemon *daemon = link->control->daemon;
	struct upcall_list_entry entries[LIST_ROOM];
	int count = LIST_ROOM, ret;
	uint64_t after = 0;

	ret = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (int total = 0; ret >= 0 && count == LIST_ROOM && total < LIST_MAX; total += count) {
		count = shim_list(daemon->shim_fd, after, entries, LIST_ROOM);
		if (count < 0)
			return count;
		for (int i = 0; i < count && ret >= 0; i++) {
			after = entries[i].id;
			if (may_see(link, &entries[i]))
				ret = append_pending(reply, daemon, &entries[i]);
		}
	}
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

int control_list_pending(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	cleanup_message sd_bus_message *reply = NULL;
	struct control_link *link = userdata;
	const struct daemon *daemon = link->control->daemon;
	int ret;

	if (!control_is_user(link, error))
		return -EPERM;
	if (daemon->shim_fd < 0)
		return control_refuse(error, "NoShim", daemon->shim_error);
	ret = sd_bus_message_new_method_return(call, &reply);
	if (ret >= 0)
		ret = append_all_pending(reply, link);
	return ret < 0 ? ret : sd_bus_send(NULL, reply, NULL);
}

/* ------------------------------------------------------------------ cancel */

/* 1: it waits or runs; 0: it does not. */
static int find_pending(const struct daemon *daemon, uint64_t id, struct upcall_list_entry *entry)
{
	int count;

	if (!id)
		return 0;
	count = shim_list(daemon->shim_fd, id - 1, entry, 1);
	return count == 1 && entry->id != id ? 0 : count;
}

/* Ids are given in order: a lower one than we have seen was an upcall's. */
static int not_pending(const struct daemon *daemon, uint64_t id, struct failure *failure)
{
	if (id && id <= daemon->queue.highest_id)
		return failure_set(failure, -EALREADY, "HasEnded", "upcall %llu has ended",
				   (unsigned long long)id);
	return failure_set(
		failure, -ENOENT, "NoSuchUpcall",
		"no upcall %llu is pending, and none is remembered since upcalld was started",
		(unsigned long long)id);
}

static int cancel(struct daemon *daemon, uint64_t id, struct failure *failure)
{
	struct upcall_list_entry entry;
	int ret;

	ret = find_pending(daemon, id, &entry);
	if (ret == 0)
		return not_pending(daemon, id, failure);
	if (ret > 0)
		ret = queue_cancel(&daemon->queue, &entry);
	if (ret == -ENOENT)
		return failure_set(failure, -EALREADY, "HasEnded", "upcall %llu has just ended",
				   (unsigned long long)id);
	if (ret == -EBUSY)
		return failure_set(failure, ret, "Busy",
				   "the handler of upcall %llu is just starting: ask again",
				   (unsigned long long)id);
	if (ret < 0)
		return failure_set(failure, ret, "Failed",
				   "the kernel does not end upcall %llu: %s",
				   (unsigned long long)id, strerror(-ret));
	return 0;
}

int control_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct control_link *link = userdata;
	struct daemon *daemon = link->control->daemon;
	struct failure failure = FAILURE_NULL;
	uint64_t id;
	int ret;

	if (!control_is_allowed(link, error))
		return -EPERM;
	if (daemon->shim_fd < 0)
		return control_refuse(error, "NoShim", daemon->shim_error);
	ret = sd_bus_message_read(call, "t", &id);
	if (ret < 0)
		return ret;
	if (cancel(daemon, id, &failure) < 0)
		return control_reply_failure(error, &failure);
	return sd_bus_reply_method_return(call, NULL);
}

/* ----------------------------------------------------------------- explain */

static int append_waiting(sd_bus_message *reply, const struct daemon *daemon,
			  const struct upcall_list_entry *entry)
{
	const struct upcall *upcall = queue_find(&daemon->queue, entry->id);
	char section[RULE_SECTION_SIZE];
	struct facts facts;
	struct record record = {
		.facts = &facts,
		.container = container_name(daemon, upcall, entry),
	};
	int ret;

	find_facts(daemon, upcall, entry, &facts);
	if (upcall) {
		rule_section_name(upcall->rule, section);
		record.rule = upcall->owner_rule;
		record.policy = upcall->policy->file;
		record.section = section;
		record.handler = rule_handler_name(upcall->rule);
		record.run_in = rule_run_in_name(upcall->rule);
	}
	ret = control_append_facts(reply, &facts);
	if (ret >= 0)
		ret = control_append_decided(reply, &record);
	if (ret >= 0)
		ret = append_text(reply, "result", "pending");
	if (ret >= 0)
		ret = append_text(reply, "reason", state_name(entry->state));
	if (ret >= 0)
		ret = append_u32(reply, "pid", entry->handler);
	return ret < 0 ? ret : append_u64(reply, "duration", entry->age_ns / 1000);
}

static int explain(sd_bus_message *reply, const struct daemon *daemon, uint64_t id,
		   struct failure *failure)
{
	const struct remembered *past = memory_of_upcall(daemon->records.memory, id);
	struct upcall_list_entry entry;

	/* ids begin anew with the module: what is pending is what is meant */
	if (daemon->shim_fd >= 0 && find_pending(daemon, id, &entry) > 0)
		return append_waiting(reply, daemon, &entry);
	if (past)
		return control_append_record(reply, &past->record, past->at);
	return failure_set(
		failure, -ENOENT,
		id && id <= daemon->queue.highest_id ? "HasEnded" : "NoSuchUpcall",
		"upcall %llu is not pending, nor among the last %d that this upcalld remembers; see journalctl -b _SYSTEMD_UNIT=upcalld.service UPCALL_ID=%llu",
		(unsigned long long)id, MEMORY_MAX, (unsigned long long)id);
}

int control_explain_upcall(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	cleanup_message sd_bus_message *reply = NULL;
	struct control_link *link = userdata;
	struct failure failure = FAILURE_NULL;
	uint64_t id;
	int ret;

	if (!control_is_allowed(link, error))
		return -EPERM;
	ret = sd_bus_message_read(call, "t", &id);
	if (ret >= 0)
		ret = sd_bus_message_new_method_return(call, &reply);
	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (ret < 0)
		return ret;
	ret = explain(reply, link->control->daemon, id, &failure);
	if (failure.name)
		return control_reply_failure(error, &failure);
	if (ret >= 0)
		ret = sd_bus_message_close_container(reply);
	return ret < 0 ? ret : sd_bus_send(NULL, reply, NULL);
}

/* ----------------------------------------------------------------- monitor */

int control_monitor(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct control_link *link = userdata;
	int ret;

	if (!control_is_allowed(link, error))
		return -EPERM;
	ret = monitor_add(link);
	if (ret == -EDQUOT)
		return control_refuse(error, "LimitReached", "there are too many monitors already");
	if (ret < 0)
		return ret;
	return sd_bus_reply_method_return(call, NULL);
}
