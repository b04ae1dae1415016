// SPDX-License-Identifier: GPL-2.0-or-later
/* Who does to upcalls whatever can be done to them. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interleave.h"

#define LIST_ROOM 64

void unexpected(const char *what)
{
	fprintf(stderr, "interleave: %s\n", what);
	atomic_fetch_add(&shared->unexpected, 1);
}

/*
 * Who comes too late is told so, and some of the module's init() functions fail; all
 * else is a failure of ours, or of the module.
 */
int allowed(long ret, const char *what)
{
	if (ret >= 0 || errno == ESTALE || errno == ENOENT || errno == EBUSY || errno == ENOMEM)
		return ret >= 0;
	fprintf(stderr, "interleave: %s: %s\n", what, strerror(errno));
	atomic_fetch_add(&shared->unexpected, 1);
	return 0;
}

static int upcall_pick(struct upcall_list_entry *ret)
{
	struct upcall_list_entry entries[LIST_ROOM];
	unsigned int count = queue_read(device, entries, LIST_ROOM);

	if (count)
		*ret = entries[random_below(count)];
	return count > 0;
}

/* One of the stranger's, while it is nobody's. */
static int adoptable_pick(struct upcall_list_entry *ret)
{
	struct upcall_list_entry entries[LIST_ROOM];
	unsigned int count = queue_read(device, entries, LIST_ROOM), i;

	for (i = 0; i < count; i++) {
		*ret = entries[i];
		if (!ret->container && ret->state == UPCALL_STATE_OFFERED)
			return 1;
	}
	return 0;
}

static __u32 some_errno(void)
{
	/* also those that have side effects, which no requester may see */
	static const __u32 numbers[] = { 0, EKEYREJECTED, ENOENT, EACCES, EIO, ETIMEDOUT, 4095 };

	return numbers[random_below(7)];
}

const char *const action_names[ACTION_COUNT] = {
	"complete", "close",  "stall", "run",	"hang",	 "race",	 "twice", "native",
	"deny",	    "cancel", "again", "leave", "drain", "kill-handler", "adopt",
};

/* In hundredths. Processes cost most, so they are few. */
static const unsigned int action_weights[ACTION_COUNT] = { 17, 10, 3, 12, 6, 5, 4, 5,
							   8,  8,  5, 4,  4, 7, 2 };

static enum action action_pick(void)
{
	unsigned int at = random_below(100), action = 0;

	while (action + 1 < ACTION_COUNT && at >= action_weights[action])
		at -= action_weights[action++];
	return action;
}

static int claim(const struct upcall_list_entry *entry)
{
	struct upcall_claim claim = {
		.id = entry->id,
		.generation = entry->generation,
		.run_ms = random_below(3) ? random_below(200) : 0,
	};
	int upcall = ioctl(device, UPCALL_IOC_CLAIM, &claim);

	return allowed(upcall, "CLAIM") ? upcall : -1;
}

static void complete(int upcall)
{
	struct upcall_complete complete = { .error = some_errno() };

	allowed(ioctl(upcall, UPCALL_IOC_COMPLETE, &complete), "COMPLETE");
}

/* Its own holder and another one at once: two children that attach, or one and an answer. */
static void claim_race(int upcall)
{
	handler_start(upcall, 0);
	if (random_below(2))
		handler_start(upcall, 0);
	pause_at_random();
	if (random_below(2))
		complete(upcall);
}

static void claim_act(const struct upcall_list_entry *entry, enum action action)
{
	int upcall = claim(entry), second;

	if (upcall < 0)
		return;
	if (action == ACTION_TWICE) {
		second = claim(entry);
		if (second >= 0) {
			unexpected("CLAIM twice");
			close(second);
		}
	}
	pause_at_random();
	switch (action) {
	case ACTION_COMPLETE:
	case ACTION_TWICE:
		complete(upcall);
		break;
	case ACTION_STALL:
		pause_us(300000);
		complete(upcall);
		break;
	case ACTION_RUN:
	case ACTION_HANG:
		handler_start(upcall, action == ACTION_HANG);
		break;
	case ACTION_RACE:
		claim_race(upcall);
		break;
	default:
		break;
	}
	close(upcall);
}

static void drain(void)
{
	__u32 on = 1, off = 0;

	allowed(ioctl(device, UPCALL_IOC_DRAIN, &on), "DRAIN");
	pause_us(random_below(5000));
	allowed(ioctl(device, UPCALL_IOC_DRAIN, &off), "DRAIN off");
}

static void again(void)
{
	struct upcall_list_entry entry;
	struct upcall_ref ref = { 0 };

	if (!adoptable_pick(&entry))
		return;
	pause_at_random();
	ref.id = entry.id;
	ref.generation = entry.generation;
	allowed(ioctl(device, UPCALL_IOC_AGAIN, &ref), "AGAIN");
}

/* Two brokers may be at it: the later one finds the name taken, or the entry gone. */
void stranger_toggle(void)
{
	__u64 id = atomic_exchange(&shared->stranger, 0);
	struct upcall_container container = {
		.name = "stranger",
		.leader = (__u32)stranger_leader,
		.policy.verdict[UPCALL_CLASS_OTHER] = UPCALL_VERDICT_OFFER,
	};

	if (id)
		allowed(ioctl(device, UPCALL_IOC_CONTAINER_DEL, &id), "CONTAINER_DEL");
	else if (!ioctl(device, UPCALL_IOC_CONTAINER_ADD, &container))
		atomic_store(&shared->stranger, container.id);
	else if (errno != EEXIST)
		allowed(-1, "CONTAINER_ADD");
}

static void ref_act(const struct upcall_list_entry *entry, enum action action)
{
	struct upcall_ref ref = { .id = entry->id, .generation = entry->generation };

	if (action != ACTION_NATIVE)
		ref.error = some_errno();
	if (action == ACTION_NATIVE)
		allowed(ioctl(device, UPCALL_IOC_NATIVE, &ref), "NATIVE");
	else if (action == ACTION_DENY)
		allowed(ioctl(device, UPCALL_IOC_DENY, &ref), "DENY");
	else
		allowed(ioctl(device, UPCALL_IOC_CANCEL, &ref), "CANCEL");
}

static void act(enum action action)
{
	struct upcall_list_entry entry;

	atomic_fetch_add(&shared->actions[action], 1);
	if (action == ACTION_DRAIN) {
		drain();
	} else if (action == ACTION_KILL_HANDLER) {
		handler_kill();
	} else if (action == ACTION_AGAIN) {
		again();
	} else if (action == ACTION_ADOPT) {
		stranger_toggle();
	} else if (upcall_pick(&entry)) {
		pause_at_random();
		if (action == ACTION_NATIVE || action == ACTION_DENY || action == ACTION_CANCEL)
			ref_act(&entry, action);
		else if (action != ACTION_LEAVE)
			claim_act(&entry, action);
	}
}

void broker_run(void)
{
	struct pollfd ready = { .fd = device, .events = POLLIN };

	while (!atomic_load(&shared->stop)) {
		poll(&ready, 1, 20);
		act(action_pick());
		handlers_reap(WNOHANG);
	}
	handlers_reap(0);
	_exit(0);
}
