// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the device and the fds that it gives may do, and what not
 *
 * fd-rights VERB ARG…, one verb a process:
 *   silent            reads the device once an upcall is offered, says "silent" when that
 *                     has made it unreadable, as it should be, and waits for it to be
 *                     readable by the next one
 *   double            claim one upcall twice; the first claim must stand
 *   wrong             answer one upcall in each wrong way, then once in the right
 *                     one; says which answers were not refused as they should be
 *   peek SECONDS      ask for tags of the upcall that comes next, without a pause
 *   witness PID       a witness tells tags and can do nothing else; inside PID's pid
 *                     namespace, not even those of others, whatever its threads do
 * Exit status 1 with a line on stderr or stdout if it was not so.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

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

static int verb_double(int device, char **argv)
{
	struct upcall_complete complete = { .error = EKEYREJECTED };
	struct upcall_list_entry entry;
	struct upcall_claim claim = { 0 };
	int first;

	(void)argv;
	queue_first(device, &entry);
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
	struct upcall_complete complete = { .error = EKEYREJECTED };
	struct upcall_list_entry entry;
	struct upcall_ref ref = { 0 };
	int upcall, bad = 0;

	(void)argv;
	queue_first(device, &entry);
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
		perror("fd-rights: a witness inside, of itself");
		return 1;
	}
	if (!tags_ask(witness, 1) || errno != EPERM) {
		fprintf(stderr, "fd-rights: a witness inside tells of others\n");
		return 1;
	}
	if (witness_flipped(witness)) {
		fprintf(stderr, "fd-rights: a witness inside tells of others in between\n");
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

static const struct verb verbs[] = {
	{ "silent", verb_silent }, { "double", verb_double },	{ "wrong", verb_wrong },
	{ "peek", verb_peek },	   { "witness", verb_witness },
};

int main(int argc, char **argv)
{
	return verb_run(verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
}
