// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A minimal broker and handler, for tests of the module by itself
 *
 * shim-client VERB ARG…, one verb a process:
 *   add NAME PID POLICY [CGROUP-ID [shared]]
 *                     register; POLICY is CLASS=VERDICT,… with verdicts native,
 *                     offer, deny
 *   policy ID POLICY                 another one
 *   del ID | containers | list | tags PID
 *   serve N [ACTION [RUN-MS]]
 *                     answer N upcalls, claimed for that time (0: the longest):
 *                     run (attach and execute the kernel's own argv, the
 *                     default), native, again, adopt=NAME (register whom the
 *                     offer tells of, and again), deny=ERRNO, cancel=ERRNO,
 *                     complete=ERRNO, drop (claim and close), hang (attach and
 *                     sleep), instantiate (attach, give the key a payload, and
 *                     sleep)
 *   listen N          subscribe, which fails if another does, and be told of N offers; says
 *                     "listening" with the ids of those that wait, "event ID" each,
 *                     and "closed" when it has closed the device; stays until killed
 *   stall             claim one upcall and hold it until killed
 *   gone NAME PID     says "ready", waits for PID's death and then for the end of NAME's
 *                     entry; prints the milliseconds between the two
 *   drain 0|1
 *   adopt [PATTERN POLICY]...
 *                     these rules instead of all others
 *   counters CLASS    by number; "NAME VALUE" each
 * Exit status 1 with a line on stderr if the kernel said no.
 */
#include <linux/genetlink.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

static __u32 run_ms; /* of claims */

static const char *const classes[] = { "core", "key", "module", "release-agent", "other" };
static const char *const verdicts[] = { "native", "offer", "deny" };

static unsigned int word_index(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(words[i], word))
			return (unsigned int)i;
	usage(word);
	return 0;
}

static void policy_parse(char *text, struct upcall_policy *policy)
{
	for (char *item = strtok(text, ","); item; item = strtok(NULL, ",")) {
		char *verdict = strchr(item, '=');

		if (!verdict)
			usage(item);
		*verdict++ = '\0';
		policy->verdict[word_index(classes, 5, item)] = word_index(verdicts, 3, verdict);
	}
}

static int verb_add(int device, char **argv)
{
	struct upcall_container container = { 0 };

	if (!argv[0] || !argv[1] || !argv[2])
		usage("add NAME PID POLICY [CGROUP-ID] [shared] [owner=UID]");
	snprintf(container.name, sizeof(container.name), "%s", argv[0]);
	container.leader = (__u32)strtoul(argv[1], NULL, 10);
	policy_parse(argv[2], &container.policy);
	for (argv += 3; argv[0]; argv++) {
		if (strcmp(argv[0], "shared") == 0) {
			container.flags |= UPCALL_CONTAINER_SHARED;
		} else if (strncmp(argv[0], "owner=", 6) == 0) {
			container.flags |= UPCALL_CONTAINER_OWNED;
			container.owner = (__u32)strtoul(argv[0] + 6, NULL, 10);
		} else {
			container.cgroup_id = strtoull(argv[0], NULL, 10);
		}
	}
	if (ioctl(device, UPCALL_IOC_CONTAINER_ADD, &container))
		die("add");
	printf("%llu cgroup=%llu own=%#x\n", container.id, container.cgroup_id, container.own_ns);
	return 0;
}

static int verb_policy(int device, char **argv)
{
	struct upcall_container container = { 0 };

	if (!argv[0] || !argv[1])
		usage("policy ID POLICY");
	container.id = strtoull(argv[0], NULL, 10);
	policy_parse(argv[1], &container.policy);
	if (ioctl(device, UPCALL_IOC_CONTAINER_POLICY, &container))
		die("policy");
	return 0;
}

static int verb_del(int device, char **argv)
{
	__u64 id = argv[0] ? strtoull(argv[0], NULL, 10) : 0;

	if (ioctl(device, UPCALL_IOC_CONTAINER_DEL, &id))
		die("del");
	return 0;
}

static int verb_containers(int device, char **argv)
{
	struct upcall_container container = { 0 };

	(void)argv;
	while (!ioctl(device, UPCALL_IOC_CONTAINER_NEXT, &container))
		printf("%llu %s state=%u leader=%u pending=%u cgroup=%llu\n", container.id,
		       container.name, container.state, container.leader, container.pending,
		       container.cgroup_id);
	return errno == ENOENT ? 0 : 1;
}

static int has_container(int device, const char *name)
{
	struct upcall_container container = { 0 };

	while (!ioctl(device, UPCALL_IOC_CONTAINER_NEXT, &container))
		if (!strcmp(container.name, name))
			return 1;
	return 0;
}

/* In one process: on a busy machine the start of another takes longer than what is measured. */
static int verb_gone(int device, char **argv)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct pollfd death = { .events = POLLIN };
	struct timespec died, now;

	if (!argv[0] || !argv[1])
		usage("gone NAME PID");
	death.fd = (int)syscall(SYS_pidfd_open, atoi(argv[1]), 0);
	if (death.fd < 0 || !has_container(device, argv[0]))
		die("gone: it is not there");
	puts("ready");
	fflush(stdout);
	if (poll(&death, 1, -1) != 1)
		die("gone: poll");
	clock_gettime(CLOCK_MONOTONIC, &died);
	while (has_container(device, argv[0]))
		nanosleep(&pause, NULL);
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("%ld\n", (now.tv_sec - died.tv_sec) * 1000 + (now.tv_nsec - died.tv_nsec) / 1000000);
	return 0;
}

static int verb_list(int device, char **argv)
{
	struct upcall_list_entry entries[64];
	unsigned int count = queue_read(device, entries, 64);

	(void)argv;
	for (unsigned int i = 0; i < count; i++)
		printf("%llu generation=%u state=%u class=%s container=%llu handler=%u\n",
		       entries[i].id, entries[i].generation, entries[i].state,
		       classes[entries[i].class], entries[i].container, entries[i].handler);
	return 0;
}

static int verb_drain(int device, char **argv)
{
	__u32 drain = argv[0] ? (__u32)strtoul(argv[0], NULL, 10) : 2;

	if (ioctl(device, UPCALL_IOC_DRAIN, &drain))
		die("drain");
	return 0;
}

static int verb_adopt(int device, char **argv)
{
	static struct upcall_adoption adoptions[UPCALL_ADOPTIONS + 1];
	struct upcall_adopt adopt = { .adoptions = (unsigned long)adoptions };

	for (; argv[0]; argv += 2) {
		struct upcall_adoption *adoption = &adoptions[adopt.count++];

		if (!argv[1] || adopt.count > UPCALL_ADOPTIONS + 1)
			usage("adopt [PATTERN POLICY]…");
		strncpy(adoption->pattern, argv[0], sizeof(adoption->pattern));
		policy_parse(argv[1], &adoption->policy);
	}
	if (ioctl(device, UPCALL_IOC_ADOPT, &adopt))
		die("adopt");
	return 0;
}

struct attribute {
	unsigned short length;
	unsigned short type;
};

static const char *attribute_find(const char *buffer, size_t size, unsigned int type,
				  size_t *length)
{
	size_t at = 0;

	while (at + sizeof(struct attribute) <= size) {
		struct attribute attribute;

		memcpy(&attribute, buffer + at, sizeof(attribute));
		if (attribute.length < sizeof(attribute) || at + attribute.length > size)
			return NULL;
		if ((attribute.type & 0x3fff) == type) {
			*length = attribute.length - sizeof(attribute);
			return buffer + at + sizeof(attribute);
		}
		at += (attribute.length + 3u) & ~3u;
	}
	return NULL;
}

static int verb_tags(int device, char **argv)
{
	static char buffer[4096];
	struct upcall_tags tags = {
		.pid = argv[0] ? (__u32)strtoul(argv[0], NULL, 10) : 0,
		.size = sizeof(buffer),
		.buffer = (unsigned long)buffer,
	};
	unsigned int scope = 0;
	const char *data;
	__u64 container = 0;
	size_t length;

	if (ioctl(device, UPCALL_IOC_TAGS, &tags))
		die("tags");
	data = attribute_find(buffer, tags.size, UPCALL_A_SCOPE, &length);
	if (data)
		memcpy(&scope, data, sizeof(scope));
	data = attribute_find(buffer, tags.size, UPCALL_A_CONTAINER, &length);
	if (data)
		memcpy(&container, data, sizeof(container));
	data = attribute_find(buffer, tags.size, UPCALL_A_ADOPTION, &length);
	printf("scope=%u container=%llu%s\n", scope, container, data ? " adoption" : "");
	return 0;
}

static void strings_split(const char *data, size_t length, char **ret, size_t room)
{
	size_t count = 0;

	for (size_t at = 0; data && at < length && count + 1 < room; at += strlen(data + at) + 1)
		ret[count++] = (char *)data + at;
	ret[count] = NULL;
}

/* As the helper. The key is the second argument of request-key(8). */
static void instantiate(char *const *argv)
{
	long key = argv[0] && argv[1] && argv[2] ? strtol(argv[2], NULL, 10) : 0;

	if (syscall(SYS_keyctl, KEYCTL_ASSUME_AUTHORITY, key) < 0 ||
	    syscall(SYS_keyctl, KEYCTL_INSTANTIATE, key, "whole", 5, 0) < 0)
		_exit(125);
}

/* In the child: become the helper and execute what the kernel would have. */
static void attach_and_run(int upcall, const char *info, size_t size, const char *action)
{
	struct upcall_attach attach = { .capabilities = ~0ULL };
	char *argv[64], *envp[64];
	const char *path, *data;
	size_t length = 0;

	upcall = fcntl(upcall, F_DUPFD_CLOEXEC, 100);
	close_range(0, 99, 0);
	if (ioctl(upcall, UPCALL_IOC_ATTACH, &attach))
		_exit(126);
	path = attribute_find(info, size, UPCALL_A_PATH, &length);
	data = attribute_find(info, size, UPCALL_A_ARGV, &length);
	strings_split(data, length, argv, 64);
	if (!strcmp(action, "instantiate"))
		instantiate(argv);
	while (strcmp(action, "run"))
		pause();
	data = attribute_find(info, size, UPCALL_A_ENVP, &length);
	strings_split(data, data ? length : 0, envp, 64);
	execve(path, argv, envp);
	_exit(127);
}

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

	printf("id=%llu class=%s container=%llu\n", entry->id, classes[entry->class],
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

/* The module announces offers to this socket, and to nobody else. -1: not to us, errno says why. */
static int subscribe(int device)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	struct upcall_subscribe subscribe = {
		.netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC),
	};

	if (bind(subscribe.netlink_fd, (const struct sockaddr *)&any, sizeof(any)))
		die("netlink");
	return ioctl(device, UPCALL_IOC_SUBSCRIBE, &subscribe) ? -1 : subscribe.netlink_fd;
}

static int verb_serve(int device, char **argv)
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

static void event_read(int netlink)
{
	static char buffer[65536];
	const size_t header = NLMSG_HDRLEN + GENL_HDRLEN;
	ssize_t size = recv(netlink, buffer, sizeof(buffer), 0);
	const char *data;
	size_t length;
	__u64 id;

	if (size < (ssize_t)header)
		die("event");
	data = attribute_find(buffer + header, (size_t)size - header, UPCALL_A_ID, &length);
	if (!data)
		die("an event without an id");
	memcpy(&id, data, sizeof(id));
	printf("event %llu\n", id);
}

static int verb_listen(int device, char **argv)
{
	unsigned long left = argv[0] ? strtoul(argv[0], NULL, 10) : 1;
	struct upcall_list_entry entries[64];
	int netlink = subscribe(device);
	unsigned int count;

	if (netlink < 0)
		die("subscribe");
	setlinebuf(stdout);
	count = queue_read(device, entries, 64);
	printf("listening");
	for (unsigned int i = 0; i < count; i++)
		printf(" %llu", entries[i].id);
	puts("");
	while (left--)
		event_read(netlink);
	/* the socket stays, and so does the process: the device is what counts */
	close(device);
	puts("closed");
	pause();
	return 0;
}

static int verb_stall(int device, char **argv)
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
static int verb_counters(int device, char **argv)
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

static const struct verb verbs[] = {
	{ "add", verb_add },	   { "policy", verb_policy },
	{ "del", verb_del },	   { "containers", verb_containers },
	{ "list", verb_list },	   { "tags", verb_tags },
	{ "serve", verb_serve },   { "drain", verb_drain },
	{ "stall", verb_stall },   { "counters", verb_counters },
	{ "gone", verb_gone },	   { "adopt", verb_adopt },
	{ "listen", verb_listen },
};

int main(int argc, char **argv)
{
	return verb_run(verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
}
