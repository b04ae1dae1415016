// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers, and rules about whom nobody has registered. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shim-client.h"

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
		policy->verdict[word_index(class_names, 5, item)] =
			word_index(verdicts, 3, verdict);
	}
}

int verb_add(int device, char **argv)
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

int verb_policy(int device, char **argv)
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

int verb_del(int device, char **argv)
{
	__u64 id = argv[0] ? strtoull(argv[0], NULL, 10) : 0;

	if (ioctl(device, UPCALL_IOC_CONTAINER_DEL, &id))
		die("del");
	return 0;
}

int verb_containers(int device, char **argv)
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
int verb_gone(int device, char **argv)
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

int verb_adopt(int device, char **argv)
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

int verb_tags(int device, char **argv)
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
