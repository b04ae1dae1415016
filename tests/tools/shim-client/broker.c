// SPDX-License-Identifier: GPL-2.0-or-later
/* The queue, and what is done to an upcall. */
#include <sys/wait.h>
#include <unistd.h>

#include "shim-client.h"

static __u32 run_ms; /* of claims */

static void claim_and_act(int device, const struct upcall_list_entry *entry, const char *action)
{
	static char buffer[65536];
	struct upcall_info info = { .size = sizeof(buffer), .buffer = (unsigned long)buffer };
	struct upcall_claim claim = {
		.id = entry->id,
		.generation = entry->generation,
		.run_ms = run_ms,
	};
	int upcall = ioctl(device, UPCALL_IOC_CLAIM, &claim);
	pid_t child;

	if (upcall < 0)
		die("claim");
	if (!strcmp(action, "drop")) {
		close(upcall);
		return;
	}
	if (!strncmp(action, "complete=", 9)) {
		struct upcall_complete complete = { .error = (__u32)atoi(action + 9) };

		if (ioctl(upcall, UPCALL_IOC_COMPLETE, &complete))
			die("complete");
		close(upcall);
		return;
	}
	if (ioctl(upcall, UPCALL_IOC_INFO, &info))
		die("info");
	child = fork();
	if (!child)
		attach_and_run(upcall, buffer, info.size, action);
	close(upcall);
	if (!strcmp(action, "run"))
		waitpid(child, NULL, 0);
}

/* What the offer tells of; a leader is found or it dies. */
static void adopt(int device, const struct upcall_list_entry *entry, const char *name)
{
	static char buffer[65536];
	struct upcall_info info = {
		.id = entry->id,
		.generation = entry->generation,
		.size = sizeof(buffer),
		.buffer = (unsigned long)buffer,
	};
	struct upcall_container container = { 0 };
	const char *nest, *data;
	size_t room, length;

	if (ioctl(device, UPCALL_IOC_INFO, &info))
		die("info");
	nest = attribute_find(buffer, info.size, UPCALL_A_ADOPTION, &room);
	data = nest ? attribute_find(nest, room, UPCALL_ADOPTION_A_LEADER, &length) : NULL;
	if (!data)
		die("no leader");
	memcpy(&container.leader, data, sizeof(container.leader));
	data = attribute_find(nest, room, UPCALL_ADOPTION_A_START_TIME, &length);
	memcpy(&container.start_time, data, sizeof(container.start_time));
	data = attribute_find(nest, room, UPCALL_ADOPTION_A_CGROUP_ID, &length);
	memcpy(&container.cgroup_id, data, sizeof(container.cgroup_id));
	snprintf(container.name, sizeof(container.name), "%s", name);
	container.policy.verdict[UPCALL_CLASS_KEY] = UPCALL_VERDICT_OFFER;
	if (ioctl(device, UPCALL_IOC_CONTAINER_ADD, &container))
		die("add");
}

static void act(int device, const struct upcall_list_entry *entry, const char *action)
{
	struct upcall_ref ref = { .id = entry->id, .generation = entry->generation };

	printf("id=%llu class=%s container=%llu\n", entry->id, class_names[entry->class],
	       entry->container);
	fflush(stdout);
	if (!strcmp(action, "native")) {
		if (ioctl(device, UPCALL_IOC_NATIVE, &ref))
			die("native");
	} else if (!strcmp(action, "again") || !strncmp(action, "adopt=", 6)) {
		if (action[1] == 'd')
			adopt(device, entry, action + 6);
		if (ioctl(device, UPCALL_IOC_AGAIN, &ref))
			die("again");
	} else if (!strncmp(action, "cancel=", 7)) {
		ref.error = (__u32)atoi(action + 7);
		if (ioctl(device, UPCALL_IOC_CANCEL, &ref))
			die("cancel");
	} else if (!strncmp(action, "deny=", 5)) {
		ref.error = (__u32)atoi(action + 5);
		if (ioctl(device, UPCALL_IOC_DENY, &ref))
			die("deny");
	} else {
		claim_and_act(device, entry, action);
	}
}

int verb_list(int device, char **argv)
{
	struct upcall_list_entry entries[64];
	unsigned int count = queue_read(device, entries, 64);

	(void)argv;
	for (unsigned int i = 0; i < count; i++)
		printf("%llu generation=%u state=%u class=%s container=%llu handler=%u\n",
		       entries[i].id, entries[i].generation, entries[i].state,
		       class_names[entries[i].class], entries[i].container, entries[i].handler);
	return 0;
}

int verb_drain(int device, char **argv)
{
	__u32 drain = argv[0] ? (__u32)strtoul(argv[0], NULL, 10) : 2;

	if (ioctl(device, UPCALL_IOC_DRAIN, &drain))
		die("drain");
	return 0;
}

int verb_serve(int device, char **argv)
{
	unsigned long left = argv[0] ? strtoul(argv[0], NULL, 10) : 1;
	const char *action = argv[0] && argv[1] ? argv[1] : "run";

	if (argv[0] && argv[1] && argv[2])
		run_ms = (__u32)strtoul(argv[2], NULL, 10);
	/*
	 * Nobody reads it: what has no room is lost, and the device says it, too. Where
	 * upcalld or another of us listens that is enough.
	 */
	if (subscribe(device) < 0 && errno != EBUSY)
		die("subscribe");
	while (left) {
		struct pollfd ready = { .fd = device, .events = POLLIN };
		struct upcall_list_entry entries[64];
		unsigned int count;

		if (poll(&ready, 1, -1) < 0)
			die("poll");
		count = queue_read(device, entries, 64);
		for (unsigned int i = 0; i < count && left; i++)
			if (entries[i].state == UPCALL_STATE_OFFERED) {
				act(device, &entries[i], action);
				left--;
			}
	}
	return 0;
}

int verb_stall(int device, char **argv)
{
	struct upcall_list_entry entry;
	struct upcall_claim claim = { 0 };

	(void)argv;
	queue_first(device, &entry);
	claim.id = entry.id;
	claim.generation = entry.generation;
	if (ioctl(device, UPCALL_IOC_CLAIM, &claim) < 0)
		die("claim");
	pause();
	return 0;
}

/* A class, by its number: "NAME VALUE" each, in the order of enum upcall_count. */
int verb_counters(int device, char **argv)
{
	static const char *const names[] = { "native", "denied",   "refused", "offered",
					     "done",   "failed",   "overdue", "given-back",
					     "killed", "requeued", "again" };
	unsigned long long values[UPCALL_COUNT_COUNT];
	struct upcall_counters counters = {
		.values = (unsigned long)values,
		.class = argv[0] ? (unsigned int)atoi(argv[0]) : UPCALL_CLASS_KEY,
		.count = UPCALL_COUNT_COUNT,
	};

	if (ioctl(device, UPCALL_IOC_COUNTERS, &counters) < 0)
		die("counters");
	for (unsigned int i = 0; i < counters.count; i++)
		printf("%s %llu\n", names[i], values[i]);
	return 0;
}
