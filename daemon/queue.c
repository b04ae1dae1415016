// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "journal.h"
#include "owner.h"
#include "policy.h"
#include "queue.h"
#include "shim.h"

/* ------------------------------------------------------------------ upcalls */

struct upcall *queue_find(const struct queue *queue, uint64_t id)
{
	struct hash_node *node = hash_first(&queue->by_id, id);

	return node ? container_of(node, struct upcall, by_id) : NULL;
}

static void unhash(struct queue *queue, struct upcall *upcall)
{
	if (!upcall->superseded)
		hash_remove(&queue->by_id, &upcall->by_id);
}

static void upcall_free(struct queue *queue, struct upcall *upcall)
{
	unhash(queue, upcall);
	list_unlink(&upcall->link);
	config_unref(upcall->config);
	free(upcall);
}

static struct upcall *upcall_new(struct queue *queue, const struct tags *tags,
				 const struct owner *owner, const struct rule *rule)
{
	struct upcall *upcall = calloc(1, sizeof(*upcall));

	if (!upcall)
		return NULL;
	if (hash_add(&queue->by_id, &upcall->by_id, tags->id) < 0) {
		free(upcall);
		return NULL;
	}
	list_init(&upcall->link);
	lane_hand_prepare(upcall);
	facts_from_tags(&upcall->facts, tags);
	memcpy(upcall->container, owner->container->name, sizeof(upcall->container));
	upcall->uid = owner->container->uid;
	upcall->owner_rule = owner->rule;
	upcall->config = config_ref(owner->container->config);
	upcall->rule = rule;
	upcall->policy = owner->container->policy;
	upcall->begun = clock_now();
	return upcall;
}

/* ------------------------------------------------------------------ endings */

static void count(struct queue *queue, struct container *container, enum record_result result)
{
	switch (result) {
	case RECORD_SERVED:
		queue->served++;
		break;
	case RECORD_REFUSED:
		queue->refused++;
		return;
	case RECORD_NATIVE:
	case RECORD_GONE:
		return;
	case RECORD_FAILED:
	case RECORD_KILLED:
	case RECORD_OOM:
	case RECORD_TIMEOUT:
	case RECORD_EXEC_FAILED:
	case RECORD_BAD_ANSWER:
	case RECORD_ENTRY_FAILED:
	case RECORD_LOST:
	case RECORD_RESULT_COUNT:
		queue->failed++;
		break;
	}
	if (!container)
		return;
	*(result == RECORD_SERVED ? &container->served : &container->failed) += 1;
	container->counted = true;
}

static void record_upcall(struct queue *queue, const struct upcall *upcall,
			  const struct ending *ending)
{
	char section[RULE_SECTION_SIZE];
	const struct record record = {
		.facts = &upcall->facts,
		.container = upcall->container,
		.uid = upcall->uid,
		.rule = upcall->owner_rule,
		.policy = upcall->policy->file,
		.section = section,
		.handler = rule_handler_name(upcall->rule),
		.run_in = rule_run_in_name(upcall->rule),
		.result = ending->result,
		.reason = ending->reason,
		.step = ending->step,
		.error = ending->error,
		.wait_status = ending->wait_status,
		.duration_us = (uint64_t)(clock_since(upcall->begun) * 1e6),
	};

	rule_section_name(upcall->rule, section);
	record_send(queue->records, &record);
}

void queue_end(struct queue *queue, struct upcall *upcall, const struct ending *ending)
{
	if (!upcall->superseded) {
		count(queue, upcall->lane ? upcall->lane->container : NULL, ending->result);
		record_upcall(queue, upcall, ending);
	}
	upcall_free(queue, upcall);
}

void queue_forget(struct queue *queue, struct upcall *upcall)
{
	upcall_free(queue, upcall);
}

void queue_lost(struct queue *queue, struct upcall *upcall)
{
	if (upcall->superseded) {
		upcall_free(queue, upcall);
		return;
	}
	upcall->lane = NULL;
	upcall->phase = UPCALL_LOST;
	upcall->lost_at = clock_now();
	list_append(&queue->lost, &upcall->link);
	if (!ev_is_active(&queue->lost_timer))
		ev_timer_again(queue->loop, &queue->lost_timer);
}

/* Whoever has not been offered again has ended without us. */
static void lost_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct queue *queue = container_of(timer, struct queue, lost_timer);
	const struct ending ending = { .result = RECORD_LOST, .reason = "its worker died" };
	struct upcall *upcall, *after;

	list_for_each_entry_safe(upcall, after, &queue->lost, link)
		if (clock_since(upcall->lost_at) >= QUEUE_LOST_SECONDS)
			queue_end(queue, upcall, &ending);
	if (list_empty(&queue->lost))
		ev_timer_stop(loop, timer);
}

/* -------------------------------------------------------------- at an event */

/* Refuse or give back what never becomes an upcall of ours. */
static void answer(struct queue *queue, const struct tags *tags, const struct owner *owner,
		   const struct decided *decided, int requester_error)
{
	const struct policy *policy = owner->container ? owner->container->policy : NULL;
	bool native = decided->decision == DECISION_NATIVE;
	char section[RULE_SECTION_SIZE];
	struct facts facts;
	struct record record = {
		.facts = &facts,
		.container = owner->container ? owner->container->name : NULL,
		.uid = owner->container ? owner->container->uid : 0,
		.rule = owner->container ? owner->rule : NULL,
		.policy = policy ? policy->file : NULL,
		.section = decided->rule ? section : NULL,
		.result = native ? RECORD_NATIVE : RECORD_REFUSED,
		.reason = decided->reason,
	};
	int ret;

	if (native)
		ret = shim_native(queue->shim_fd, tags->id, tags->generation);
	else
		ret = shim_deny(queue->shim_fd, tags->id, tags->generation, requester_error);
	if (ret == -ESTALE || ret == -ENOENT)
		record.result = RECORD_GONE;
	else if (ret < 0)
		record.error = -ret;
	count(queue, owner->container, record.result);
	facts_from_tags(&facts, tags);
	if (decided->rule)
		rule_section_name(decided->rule, section);
	record_send(queue->records, &record);
}

static void handle(struct queue *queue, const struct tags *tags, const struct owner *owner,
		   const struct rule *rule)
{
	/* no section of a policy says so */
	const struct decided too_many = { DECISION_DENY, NULL, "too many upcalls on this machine" };
	struct upcall *upcall;
	struct lane *lane;

	if (queue->by_id.count >= QUEUE_MAX) {
		answer(queue, tags, owner, &too_many, EDQUOT);
		return;
	}
	lane = lane_of(queue, owner->container);
	upcall = lane ? upcall_new(queue, tags, owner, rule) : NULL;
	/* no memory: the kernel still has it, and the device brings it again */
	if (upcall)
		lane_offer(lane, upcall);
}

/* True: it is being dealt with, in this generation. */
static bool supersede(struct queue *queue, const struct tags *tags)
{
	struct upcall *known = queue_find(queue, tags->id);

	if (!known)
		return false;
	if (known->facts.generation >= tags->generation)
		return true;
	unhash(queue, known);
	known->superseded = true;
	/* one that still waits is not claimed in a generation that has passed */
	if (known->phase == UPCALL_LOST)
		upcall_free(queue, known);
	return false;
}

/*
 * What the kernel asks for on a mount of the host's, its answer is everybody's on
 * the host: never a container's, whoever raised it. The kernel half sees to that,
 * too.
 */
static bool is_hosts(const struct queue *queue, const struct tags *tags)
{
	return tags->key.present && tags->key.origin == UPCALL_ORIGIN_KERNEL && tags->key.has_net &&
	       queue->host_net && tags->key.net_cookie == queue->host_net;
}

/* Nobody's, and a policy is for where its container is. */
static bool is_adoptable(const struct tags *tags)
{
	return tags->scope == UPCALL_SCOPE_UNREGISTERED && tags->adoption.present;
}

/* Registered, it is the container's, and its requester asks the table once more. */
static void adopt(struct queue *queue, const struct tags *tags)
{
	const struct owner nobody = { .rule = NULL };
	struct decided decided = { .decision = DECISION_DENY };
	struct failure failure = FAILURE_NULL;
	int ret;

	if (registry_adopt(queue->registry, &tags->adoption, &failure) < 0) {
		decided.reason = failure.text;
		record_offered(queue->records, tags, NULL);
		answer(queue, tags, &nobody, &decided, EKEYREJECTED);
		return;
	}
	ret = shim_again(queue->shim_fd, tags->id, tags->generation);
	if (ret < 0 && ret != -ESTALE && ret != -ENOENT)
		journal_log(LOG_ERR,
			    "An upcall of a container that was adopted stays where it is: %s",
			    strerror(-ret));
}

static void offered(struct source_client *client, const struct tags *tags)
{
	struct queue *queue = container_of(client, struct queue, client);
	struct decided decided;
	struct owner owner;

	queue->seen++;
	if (tags->id > queue->highest_id)
		queue->highest_id = tags->id;
	if (supersede(queue, tags))
		return;
	if (is_adoptable(tags)) {
		adopt(queue, tags);
		return;
	}
	owner = owner_of(queue->registry, tags);
	record_offered(queue->records, tags, owner.container ? owner.container->name : NULL);
	if (owner.container && is_hosts(queue, tags))
		decided = (struct decided){ DECISION_NATIVE, NULL,
					    "the kernel's own, for a mount of the host's" };
	else if (owner.container)
		policy_decide(owner.container->policy, &queue->modules, tags, &decided);
	else
		decided = (struct decided){ DECISION_DENY, NULL, owner.reason };
	if (decided.decision == DECISION_HANDLE)
		handle(queue, tags, &owner, decided.rule);
	else
		answer(queue, tags, &owner, &decided, EKEYREJECTED);
}

/* -------------------------------------------------------------- cancelling */

const struct ending queue_cancelled = { .result = RECORD_REFUSED, .reason = "cancelled" };

/* One that no upcall of ours stands for: a handler's that outlived the daemon it was handed by. */
static void record_foreign(struct queue *queue, const struct upcall_list_entry *entry,
			   const struct tags *tags)
{
	struct container *container = registry_by_id(queue->registry, entry->container);
	struct facts facts = { .id = entry->id, .class = entry->class };
	const struct record record = {
		.facts = &facts,
		.container = container ? container->name : NULL,
		.uid = container ? container->uid : 0,
		.result = queue_cancelled.result,
		.reason = queue_cancelled.reason,
		.duration_us = entry->age_ns / 1000,
	};

	if (tags)
		facts_from_tags(&facts, tags);
	count(queue, container, record.result);
	record_send(queue->records, &record);
}

static int cancel_foreign(struct queue *queue, const struct upcall_list_entry *entry)
{
	struct shim_info info = SHIM_INFO_NULL;
	int known, ret;

	/* ORDER: what has ended tells nothing any more */
	known = shim_info(queue->shim_fd, entry->id, entry->generation, &info);
	ret = shim_cancel(queue->shim_fd, entry->id, entry->generation, EKEYREJECTED);
	if (ret >= 0)
		record_foreign(queue, entry, known < 0 ? NULL : &info.tags);
	shim_info_clear(&info);
	return ret;
}

/* The kernel has its answer. */
static void cancel_ours(struct queue *queue, struct upcall *upcall)
{
	struct lane *lane = upcall->lane;

	switch (upcall->phase) {
	case UPCALL_WAITING:
	case UPCALL_STARTING:
	case UPCALL_CLAIMED:
		lane_end(upcall, &queue_cancelled);
		lane_fill(lane);
		break;
	case UPCALL_HANDED:
		upcall->cancelled = true;
		break;
	case UPCALL_LOST:
		queue_end(queue, upcall, &queue_cancelled);
		break;
	}
}

int queue_cancel(struct queue *queue, const struct upcall_list_entry *entry)
{
	struct upcall *upcall = queue_find(queue, entry->id);
	int ret;

	if (!upcall)
		ret = cancel_foreign(queue, entry);
	else
		ret = shim_cancel(queue->shim_fd, entry->id, entry->generation, EKEYREJECTED);
	if (upcall && ret >= 0)
		cancel_ours(queue, upcall);
	return ret == -ESTALE ? -ENOENT : ret;
}

static bool knows(struct source_client *client, uint64_t id, uint32_t generation)
{
	struct queue *queue = container_of(client, struct queue, client);
	struct upcall *known = queue_find(queue, id);

	return known && known->facts.generation >= generation;
}

/* --------------------------------------------------------------------- life */

static uint64_t net_cookie(void)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0)
		return 0;
	return cookie;
}

void queue_init(struct queue *queue, struct ev_loop *loop, int shim_fd, struct registry *registry,
		struct launcher *launcher, struct records *records)
{
	*queue = (struct queue){
		.loop = loop,
		.shim_fd = shim_fd,
		.registry = registry,
		.launcher = launcher,
		.records = records,
		.host_net = net_cookie(),
		.client = { .offered = offered, .knows = knows },
	};
	list_init(&queue->lanes);
	list_init(&queue->lost);
	ev_timer_init(&queue->lost_timer, lost_tick, 0., 1.);
	queue_sweep_init(queue);
}

void queue_close(struct queue *queue)
{
	struct upcall *upcall, *after_upcall;
	struct lane *lane, *after;

	if (!queue->loop)
		return;
	list_for_each_entry_safe(lane, after, &queue->lanes, link)
		lane_free(lane);
	list_for_each_entry_safe(upcall, after_upcall, &queue->lost, link)
		queue_forget(queue, upcall);
	ev_timer_stop(queue->loop, &queue->lost_timer);
	queue_sweep_stop(queue);
	hash_clear(&queue->by_id);
	modules_close(&queue->modules);
	queue->loop = NULL;
}

size_t queue_pending(const struct queue *queue)
{
	return queue->by_id.count;
}

bool queue_has_handed(const struct queue *queue)
{
	struct upcall *upcall;
	struct lane *lane;

	list_for_each_entry(lane, &queue->lanes, link)
		list_for_each_entry(upcall, &lane->active, link)
			if (upcall->phase == UPCALL_HANDED)
				return true;
	return false;
}

void queue_container_gone(struct queue *queue, struct container *container, bool unregistered)
{
	if (container->lane)
		lane_detach(container->lane, unregistered);
	else
		lane_stop_worker(queue, container->name, NULL, container);
}
