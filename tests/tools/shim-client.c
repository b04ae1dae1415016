// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A minimal broker and handler, for tests of the module by itself
 *
 * shim-client VERB ARG…, one verb a process:
 *   add NAME PID POLICY [CGROUP-ID]  register; POLICY is CLASS=VERDICT,… with
 *                                    verdicts native, offer, deny
 *   policy ID POLICY                 another one
 *   del ID | containers | list | tags PID
 *   serve N [ACTION [RUN-MS]]
 *                     answer N upcalls, claimed for that time (0: the longest):
 *                     run (attach and execute the kernel's own argv, the
 *                     default), native, deny=ERRNO, complete=ERRNO, drop (claim
 *                     and close), hang (attach and sleep)
 *   silent            reads the device once an upcall is offered, says "silent" when that
 *                     has made it unreadable, as it should be, and waits for it to be
 *                     readable by the next one
 *   stall             claim one upcall and hold it until killed
 *   double            claim one upcall twice; the first claim must stand
 *   wrong             answer one upcall in each wrong way, then once in the right
 *                     one; says which answers were not refused as they should be
 *   peek SECONDS      ask for tags of the upcall that comes next, without a pause
 *   gone NAME PID     says "ready", waits for PID's death and then for the end of NAME's
 *                     entry; prints the milliseconds between the two
 *   drain 0|1
 *   counters CLASS    by number; "NAME VALUE" each
 *   witness PID       a witness tells tags and can do nothing else; inside PID's pid
 *                     namespace, not even those of others, whatever its threads do
 * Exit status 1 with a line on stderr if the kernel said no.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "upcall.h"

static __u32 run_ms; /* of claims */

static const char *const classes[] = { "core", "key", "module", "release-agent", "other" };
static const char *const verdicts[] = { "native", "offer", "deny" };

static void die(const char *what)
{
	fprintf(stderr, "shim-client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void usage(const char *what)
{
	fprintf(stderr, "shim-client: bad usage: %s\n", what);
	exit(2);
}

static unsigned int word_index(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(words[i], word))
			return (unsigned int)i;
	usage(word);
	return 0;
}

static int device_open(void)
{
	int fd = open(UPCALL_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die(UPCALL_DEVICE);
	return fd;
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
		usage("add NAME PID POLICY [CGROUP-ID]");
	snprintf(container.name, sizeof(container.name), "%s", argv[0]);
	container.leader = (__u32)strtoul(argv[1], NULL, 10);
	policy_parse(argv[2], &container.policy);
	if (argv[3])
		container.cgroup_id = strtoull(argv[3], NULL, 10);
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

static unsigned int queue_read(int device, struct upcall_list_entry *entries, unsigned int room)
{
	struct upcall_list list = { .entries = (unsigned long)entries, .room = room };

	if (ioctl(device, UPCALL_IOC_LIST, &list))
		die("list");
	return list.count;
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
	printf("scope=%u container=%llu\n", scope, container);
	return 0;
}

static void strings_split(const char *data, size_t length, char **ret, size_t room)
{
	size_t count = 0;

	for (size_t at = 0; data && at < length && count + 1 < room; at += strlen(data + at) + 1)
		ret[count++] = (char *)data + at;
	ret[count] = NULL;
}

/* In the child: become the helper and execute what the kernel would have. */
static void attach_and_run(int upcall, const char *info, size_t size, int hang)
{
	struct upcall_attach attach = { .capabilities = ~0ULL };
	char *argv[64], *envp[64];
	const char *path, *data;
	size_t length = 0;

	upcall = fcntl(upcall, F_DUPFD_CLOEXEC, 100);
	close_range(0, 99, 0);
	if (ioctl(upcall, UPCALL_IOC_ATTACH, &attach))
		_exit(126);
	while (hang)
		pause();
	path = attribute_find(info, size, UPCALL_A_PATH, &length);
	data = attribute_find(info, size, UPCALL_A_ARGV, &length);
	strings_split(data, length, argv, 64);
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
		attach_and_run(upcall, buffer, info.size, !strcmp(action, "hang"));
	close(upcall);
	if (strcmp(action, "hang"))
		waitpid(child, NULL, 0);
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
	} else if (!strncmp(action, "deny=", 5)) {
		ref.error = (__u32)atoi(action + 5);
		if (ioctl(device, UPCALL_IOC_DENY, &ref))
			die("deny");
	} else {
		claim_and_act(device, entry, action);
	}
}

static int verb_serve(int device, char **argv)
{
	unsigned long left = argv[0] ? strtoul(argv[0], NULL, 10) : 1;
	const char *action = argv[0] && argv[1] ? argv[1] : "run";

	if (argv[0] && argv[1] && argv[2])
		run_ms = (__u32)strtoul(argv[2], NULL, 10);
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

static bool is_readable(int device, int timeout_ms)
{
	struct pollfd ready = { .fd = device, .events = POLLIN };

	return poll(&ready, 1, timeout_ms) == 1 && ready.revents & POLLIN;
}

static int verb_silent(int device, char **argv)
{
	int other = device_open();
	char byte;

	(void)argv;
	if (!is_readable(device, -1) || !is_readable(other, 0))
		die("silent: nothing is offered");
	if (read(device, &byte, 1) >= 0 || errno != EAGAIN)
		die("silent: read");
	if (is_readable(device, 0))
		die("silent: still readable");
	if (!is_readable(other, 0))
		die("silent: another open file is, too");
	puts("silent");
	fflush(stdout);
	return is_readable(device, 20000) ? 0 : 1;
}

static int verb_stall(int device, char **argv)
{
	struct pollfd ready = { .fd = device, .events = POLLIN };
	struct upcall_list_entry entry;
	struct upcall_claim claim = { 0 };

	(void)argv;
	if (poll(&ready, 1, -1) < 0 || queue_read(device, &entry, 1) != 1)
		die("poll");
	claim.id = entry.id;
	claim.generation = entry.generation;
	if (ioctl(device, UPCALL_IOC_CLAIM, &claim) < 0)
		die("claim");
	pause();
	return 0;
}

static int verb_double(int device, char **argv)
{
	struct pollfd ready = { .fd = device, .events = POLLIN };
	struct upcall_complete complete = { .error = EKEYREJECTED };
	struct upcall_list_entry entry;
	struct upcall_claim claim = { 0 };
	int first;

	(void)argv;
	if (poll(&ready, 1, -1) < 0 || queue_read(device, &entry, 1) != 1)
		die("poll");
	claim.id = entry.id;
	claim.generation = entry.generation;
	first = ioctl(device, UPCALL_IOC_CLAIM, &claim);
	if (first < 0)
		die("first claim");
	if (ioctl(device, UPCALL_IOC_CLAIM, &claim) >= 0 || errno != ESTALE)
		die("second claim");
	if (ioctl(first, UPCALL_IOC_COMPLETE, &complete))
		die("the first claim, after the second");
	return 0;
}

/* 1 and a line if the call does not fail with what it should; 0 is for success. */
static int expect(int error, long ret, const char *what)
{
	int got = ret < 0 ? errno : 0;

	if (got == error)
		return 0;
	printf("%s: %s instead of %s\n", what, got ? strerrorname_np(got) : "success",
	       error ? strerrorname_np(error) : "success");
	return 1;
}

#define NOWHERE ((void *)16)

/* On the device, by a reference that is not that of the upcall. */
static int wrong_refs(int device, const struct upcall_ref *ref)
{
	static const struct {
		const char *name;
		unsigned long command;
	} calls[] = {
		{ "CLAIM", UPCALL_IOC_CLAIM },
		{ "NATIVE", UPCALL_IOC_NATIVE },
		{ "DENY", UPCALL_IOC_DENY },
		{ "CANCEL", UPCALL_IOC_CANCEL },
	};
	struct upcall_ref unknown = { .id = ref->id + 1000, .generation = ref->generation };
	struct upcall_ref later = { .id = ref->id, .generation = ref->generation + 1 };
	struct upcall_ref huge = { .id = ref->id | 1ULL << 32, .generation = ref->generation };
	int bad = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		bad |= expect(ENOENT, ioctl(device, calls[i].command, &unknown), calls[i].name);
		bad |= expect(ENOENT, ioctl(device, calls[i].command, &huge), calls[i].name);
		bad |= expect(ESTALE, ioctl(device, calls[i].command, &later), calls[i].name);
		bad |= expect(EFAULT, ioctl(device, calls[i].command, NOWHERE), calls[i].name);
	}
	return bad;
}

static int wrong_arguments(int device, const struct upcall_ref *ref)
{
	struct upcall_ref error = { .id = ref->id, .generation = ref->generation, .error = 4096 };
	struct upcall_info info = { .id = ref->id, .generation = ref->generation };
	struct upcall_list list = { .room = 1 };
	struct upcall_complete complete = { 0 };
	struct upcall_attach attach = { 0 };
	int bad = 0;

	bad |= expect(EINVAL, ioctl(device, UPCALL_IOC_NATIVE, &error), "NATIVE with an error");
	bad |= expect(EINVAL, ioctl(device, UPCALL_IOC_DENY, &error), "DENY with no errno");
	bad |= expect(EINVAL, ioctl(device, UPCALL_IOC_CANCEL, &error), "CANCEL with no errno");
	error.error = EINTR;
	bad |= expect(EINVAL, ioctl(device, UPCALL_IOC_DENY, &error), "DENY with EINTR");
	bad |= expect(EMSGSIZE, ioctl(device, UPCALL_IOC_INFO, &info), "INFO without room");
	bad |= expect(EFAULT, ioctl(device, UPCALL_IOC_INFO, &info), "INFO to nowhere");
	bad |= expect(EFAULT, ioctl(device, UPCALL_IOC_LIST, &list), "LIST to nowhere");
	bad |= expect(ENOTTY, ioctl(device, UPCALL_IOC_COMPLETE, &complete), "COMPLETE unclaimed");
	bad |= expect(ENOTTY, ioctl(device, UPCALL_IOC_ATTACH, &attach), "ATTACH unclaimed");
	bad |= expect(ENOTTY, ioctl(device, _IO(UPCALL_IOC_MAGIC, 0x7f)), "an unknown command");
	return bad;
}

static int wrong_claimed(int device, int upcall, const struct upcall_ref *ref)
{
	struct upcall_complete complete = { .error = EKEYREJECTED, .reserved = 1 };
	struct upcall_attach attach = { .flags = 1 };
	struct upcall_list list = { 0 };
	int bad = 0;

	bad |= expect(ESTALE, ioctl(device, UPCALL_IOC_CLAIM, ref), "a second CLAIM");
	bad |= expect(ESTALE, ioctl(device, UPCALL_IOC_NATIVE, ref), "NATIVE of a claimed one");
	bad |= expect(ESTALE, ioctl(device, UPCALL_IOC_DENY, ref), "DENY of a claimed one");
	bad |= expect(EINVAL, ioctl(upcall, UPCALL_IOC_COMPLETE, &complete), "COMPLETE, reserved");
	complete = (struct upcall_complete){ .error = 4096 };
	bad |= expect(EINVAL, ioctl(upcall, UPCALL_IOC_COMPLETE, &complete), "COMPLETE, no errno");
	complete.error = EINTR;
	bad |= expect(EINVAL, ioctl(upcall, UPCALL_IOC_COMPLETE, &complete), "COMPLETE with EINTR");
	bad |= expect(EFAULT, ioctl(upcall, UPCALL_IOC_COMPLETE, NOWHERE), "COMPLETE of nothing");
	bad |= expect(EINVAL, ioctl(upcall, UPCALL_IOC_ATTACH, &attach), "ATTACH with flags");
	bad |= expect(EFAULT, ioctl(upcall, UPCALL_IOC_ATTACH, NOWHERE), "ATTACH of nothing");
	bad |= expect(ENOTTY, ioctl(upcall, UPCALL_IOC_LIST, &list), "LIST on an upcall fd");
	bad |= expect(ENOTTY, ioctl(upcall, UPCALL_IOC_CLAIM, ref), "CLAIM on an upcall fd");
	bad |= expect(ENOTTY, ioctl(upcall, UPCALL_IOC_DENY, ref), "DENY on an upcall fd");
	return bad;
}

static int wrong_ended(int device, int upcall, const struct upcall_list_entry *entry)
{
	const struct upcall_ref of = { .id = entry->id, .generation = entry->generation },
				*ref = &of;
	/* a core's helper is first asked whether its descriptors are free, and ours are not */
	int attaching = entry->class == UPCALL_CLASS_CORE ? EBADF : ESTALE;
	static char buffer[65536];
	struct upcall_info info = { .size = sizeof(buffer), .buffer = (unsigned long)buffer };
	struct upcall_complete complete = { .error = EKEYREJECTED };
	struct upcall_attach attach = { 0 };
	int bad = 0;

	bad |= expect(ESTALE, ioctl(upcall, UPCALL_IOC_COMPLETE, &complete), "a second COMPLETE");
	bad |= expect(attaching, ioctl(upcall, UPCALL_IOC_ATTACH, &attach),
		      "ATTACH after COMPLETE");
	bad |= expect(0, ioctl(upcall, UPCALL_IOC_INFO, &info), "INFO after COMPLETE");
	bad |= expect(ENOENT, ioctl(device, UPCALL_IOC_CLAIM, ref), "CLAIM of an ended one");
	bad |= expect(ENOENT, ioctl(device, UPCALL_IOC_NATIVE, ref), "NATIVE of an ended one");
	bad |= expect(ENOENT, ioctl(device, UPCALL_IOC_DENY, ref), "DENY of an ended one");
	bad |= expect(ENOENT, ioctl(device, UPCALL_IOC_CANCEL, ref), "CANCEL of an ended one");
	return bad;
}

static int verb_wrong(int device, char **argv)
{
	struct pollfd ready = { .fd = device, .events = POLLIN };
	struct upcall_complete complete = { .error = EKEYREJECTED };
	struct upcall_list_entry entry;
	struct upcall_ref ref = { 0 };
	int upcall, bad = 0;

	(void)argv;
	if (poll(&ready, 1, -1) < 0 || queue_read(device, &entry, 1) != 1)
		die("poll");
	ref.id = entry.id;
	ref.generation = entry.generation;
	bad |= wrong_refs(device, &ref);
	bad |= wrong_arguments(device, &ref);
	upcall = ioctl(device, UPCALL_IOC_CLAIM, &ref);
	if (upcall < 0)
		die("claim, after all that was wrong");
	bad |= wrong_claimed(device, upcall, &ref);
	if (queue_read(device, &entry, 1) != 1 || entry.state != UPCALL_STATE_CLAIMED)
		bad |= expect(0, -1, "the claim does not stand");
	bad |= expect(0, ioctl(upcall, UPCALL_IOC_COMPLETE, &complete), "COMPLETE");
	bad |= wrong_ended(device, upcall, &entry);
	return bad;
}

static int verb_peek(int device, char **argv)
{
	static char buffer[65536];
	struct upcall_info info = { .buffer = (unsigned long)buffer };
	struct upcall_list_entry entry = { 0 };
	time_t end = time(NULL) + (argv[0] ? atol(argv[0]) : 1);

	while (time(NULL) < end) {
		/* ids follow each other: the next one is in the making, or not there */
		if (queue_read(device, &entry, 1) == 1)
			info.id = entry.id;
		for (int i = 0; i < 100; i++) {
			struct upcall_info next = { .id = info.id + 1,
						    .size = sizeof(buffer),
						    .buffer = (unsigned long)buffer };

			if (!ioctl(device, UPCALL_IOC_INFO, &next))
				info.id++;
		}
	}
	return 0;
}

static int tags_ask(int fd, __u32 pid)
{
	static char buffer[4096];
	struct upcall_tags tags = {
		.pid = pid,
		.size = sizeof(buffer),
		.buffer = (unsigned long)buffer,
	};

	return ioctl(fd, UPCALL_IOC_TAGS, &tags);
}

/* While one asks of itself, another thread says that somebody else is meant. */
static struct upcall_tags flipped;
static atomic_bool flipping = true;

static void *flip(void *unused)
{
	volatile __u32 *pid = &flipped.pid;

	while (flipping)
		*pid ^= 1;
	return unused;
}

/* True: what it was told is not about itself. */
static bool witness_flipped(int witness)
{
	static char self[4096], told[sizeof(self)];
	struct upcall_tags tags = { .size = sizeof(self), .buffer = (unsigned long)self };
	bool other = false;
	pthread_t thread;

	if (ioctl(witness, UPCALL_IOC_TAGS, &tags) || pthread_create(&thread, NULL, flip, NULL))
		die("flipping");
	for (int i = 0; i < 20000 && !other; i++) {
		flipped.size = sizeof(told);
		flipped.buffer = (unsigned long)told;
		other = !ioctl(witness, UPCALL_IOC_TAGS, &flipped) &&
			(flipped.size != tags.size || memcmp(told, self, tags.size) != 0);
	}
	flipping = false;
	pthread_join(thread, NULL);
	return other;
}

/* In a child that was born there. */
static int witness_inside(int witness)
{
	if (tags_ask(witness, 0)) {
		perror("shim-client: a witness inside, of itself");
		return 1;
	}
	if (!tags_ask(witness, 1) || errno != EPERM) {
		fprintf(stderr, "shim-client: a witness inside tells of others\n");
		return 1;
	}
	if (witness_flipped(witness)) {
		fprintf(stderr, "shim-client: a witness inside tells of others in between\n");
		return 1;
	}
	return 0;
}

static int verb_witness(int device, char **argv)
{
	static const unsigned int others[] = {
		UPCALL_IOC_VERSION,	   UPCALL_IOC_SUBSCRIBE,
		UPCALL_IOC_LIST,	   UPCALL_IOC_COUNTERS,
		UPCALL_IOC_CLAIM,	   UPCALL_IOC_NATIVE,
		UPCALL_IOC_DENY,	   UPCALL_IOC_DRAIN,
		UPCALL_IOC_CANCEL,	   UPCALL_IOC_WITNESS,
		UPCALL_IOC_CONTAINER_ADD,  UPCALL_IOC_CONTAINER_DEL,
		UPCALL_IOC_CONTAINER_NEXT, UPCALL_IOC_CONTAINER_POLICY,
		UPCALL_IOC_INFO,	   UPCALL_IOC_ATTACH,
		UPCALL_IOC_COMPLETE,
	};
	static char argument[sizeof(struct upcall_container)];
	int witness = ioctl(device, UPCALL_IOC_WITNESS), status = 1, place;
	pid_t child;

	if (witness < 0 || !(fcntl(witness, F_GETFD) & FD_CLOEXEC))
		die("witness");
	close(device);
	if (tags_ask(witness, 0) || tags_ask(witness, 1))
		die("tags of a witness");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (ioctl(witness, others[i], argument) >= 0 || errno != ENOTTY)
			die("a witness can do more than tell tags");
	place = (int)syscall(SYS_pidfd_open, argv[0] ? atoi(argv[0]) : 0, 0);
	if (place < 0 || setns(place, CLONE_NEWPID))
		die("pid namespace");
	child = fork();
	if (child == 0)
		_exit(witness_inside(witness));
	if (waitpid(child, &status, 0) != child)
		die("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* A class, by its number: "NAME VALUE" each, in the order of enum upcall_count. */
static int verb_counters(int device, char **argv)
{
	static const char *const names[] = { "native", "denied",  "refused", "offered",
					     "done",   "failed",  "overdue", "given-back",
					     "killed", "requeued" };
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

static const struct {
	const char *name;
	int (*run)(int device, char **argv);
} verbs[] = {
	{ "add", verb_add },	       { "policy", verb_policy },
	{ "del", verb_del },	       { "containers", verb_containers },
	{ "list", verb_list },	       { "tags", verb_tags },
	{ "serve", verb_serve },       { "drain", verb_drain },
	{ "silent", verb_silent },     { "stall", verb_stall },
	{ "double", verb_double },     { "peek", verb_peek },
	{ "witness", verb_witness },   { "wrong", verb_wrong },
	{ "counters", verb_counters }, { "gone", verb_gone },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(device_open(), argv + 2);
	usage(argc > 1 ? argv[1] : "no verb");
	return 2;
}
