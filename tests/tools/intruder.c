// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who has no authority tries to have it, or to be taken for the kernel
 *
 * intruder family             resolves the netlink family; prints "family NUMBER" or
 *                             "family ERRNO"
 * intruder commands NUMBER    sends it each command, also as a dump; prints each answer
 *                             that comes, once: "command ERRNO", "dump ERRNO"
 * intruder device PATH ID GENERATION
 *                             opens the device; prints "open ERRNO", or goes on as fd
 * intruder fd FD ID GENERATION
 *                             makes each call of the device, on that upcall where it
 *                             takes one; prints each answer that comes, once
 * intruder event ID GENERATION FILE
 *                             as root: that upcall's attributes, as its event has them
 * intruder forge PORT COUNT FILE [FD]
 *                             sends so many events to that port, each of another id;
 *                             prints "sent N", and the last errno's name
 * intruder say NUMBER FILE    one event to its standard output, whatever that is
 * intruder port PORT STOP     binds that port; prints "bound" or the errno's name, listens
 *                             until the file STOP is there, then prints "bytes N"
 * intruder give PORT COMMAND… executes COMMAND with the open device as fd 8 and a netlink
 *                             socket, connected to PORT, as fd 9; prints what it has not
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "upcall.h"

#define COMMANDS 16

static char buffer[65536];

static const char *name_of(int error)
{
	return error ? strerrorname_np(error) : "success";
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static __u32 number(const char *text)
{
	return (__u32)strtoul(text, NULL, 10);
}

/* ---------------------------------------------------------------- netlink */

static int netlink_open(__u32 port)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_pid = port };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

	if (fd < 0)
		die("intruder: netlink");
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		puts(name_of(errno));
		exit(1);
	}
	return fd;
}

/* The header of a message with @size bytes of attributes behind it, in `buffer`. */
static size_t message_begin(__u32 family, __u8 command, __u16 flags, size_t size)
{
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	struct genlmsghdr *genl = (struct genlmsghdr *)(buffer + NLMSG_HDRLEN);

	memset(buffer, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	header->nlmsg_len = (__u32)(NLMSG_HDRLEN + GENL_HDRLEN + size);
	header->nlmsg_type = (__u16)family;
	header->nlmsg_flags = flags;
	genl->cmd = command;
	genl->version = UPCALL_GENL_VERSION;
	return header->nlmsg_len;
}

/* Sends what is in `buffer`; the answer is there afterwards. 0, or what it was refused with. */
static int ask(int fd, size_t size)
{
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	if (send(fd, buffer, size, 0) < 0)
		return errno;
	if (poll(&ready, 1, 5000) != 1)
		return ETIMEDOUT;
	if (recv(fd, buffer, sizeof(buffer), 0) < (ssize_t)NLMSG_HDRLEN)
		return errno;
	if (header->nlmsg_type != NLMSG_ERROR)
		return 0;
	return -*(int *)(buffer + NLMSG_HDRLEN);
}

static char *attributes(void)
{
	return buffer + NLMSG_HDRLEN + GENL_HDRLEN;
}

static char *attribute_find(char *data, size_t size, unsigned int type)
{
	size_t at = 0;

	while (at + NLA_HDRLEN <= size) {
		const struct nlattr *attribute = (struct nlattr *)(data + at);

		if ((attribute->nla_type & NLA_TYPE_MASK) == type)
			return data + at + NLA_HDRLEN;
		if (attribute->nla_len < NLA_HDRLEN)
			break;
		at += NLA_ALIGN(attribute->nla_len);
	}
	return NULL;
}

/* 0: there is none for us, and `error` says why. */
static __u32 family_find(int *error)
{
	struct nlattr *attribute = (struct nlattr *)attributes();
	const size_t size = NLA_HDRLEN + sizeof(UPCALL_GENL_NAME);
	const char *found;
	int fd = netlink_open(0);

	message_begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_REQUEST, NLA_ALIGN(size));
	attribute->nla_len = (__u16)size;
	attribute->nla_type = CTRL_ATTR_FAMILY_NAME;
	memcpy(attribute + 1, UPCALL_GENL_NAME, sizeof(UPCALL_GENL_NAME));
	*error = ask(fd, NLMSG_HDRLEN + GENL_HDRLEN + NLA_ALIGN(size));
	close(fd);
	if (*error)
		return 0;
	found = attribute_find(attributes(),
			       ((struct nlmsghdr *)buffer)->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN,
			       CTRL_ATTR_FAMILY_ID);
	return found ? *(const __u16 *)found : 0;
}

static int verb_family(char **argv)
{
	int error;
	__u32 family = family_find(&error);

	(void)argv;
	if (family)
		printf("family %u\n", family);
	else
		printf("family %s\n", name_of(error));
	return 0;
}

/* Once each. */
static void say_answer(const char *what, int error)
{
	static char said[4096];
	char line[64];

	snprintf(line, sizeof(line), "%s %s\n", what, name_of(error));
	if (strstr(said, line) || strlen(said) + strlen(line) >= sizeof(said))
		return;
	strcat(said, line);
	fputs(line, stdout);
}

static int verb_commands(char **argv)
{
	__u32 family = number(argv[0]);

	for (int command = 0; command < COMMANDS; command++) {
		int fd = netlink_open(0);
		size_t size = message_begin(family, (__u8)command, NLM_F_REQUEST | NLM_F_ACK, 0);

		say_answer("command", ask(fd, size));
		size = message_begin(family, (__u8)command, NLM_F_REQUEST | NLM_F_DUMP, 0);
		say_answer("dump", ask(fd, size));
		close(fd);
	}
	return 0;
}

/* --------------------------------------------------------- forged events */

static int verb_event(char **argv)
{
	struct upcall_info info = {
		.id = strtoull(argv[0], NULL, 10),
		.generation = number(argv[1]),
		.size = sizeof(buffer),
		.buffer = (unsigned long)buffer,
	};
	int device = open(UPCALL_DEVICE, O_RDWR);
	int file = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (device < 0 || file < 0 || ioctl(device, UPCALL_IOC_INFO, &info) ||
	    write(file, buffer, info.size) != (ssize_t)info.size)
		die("intruder: event");
	return 0;
}

/* As the kernel would have sent it. */
static size_t event_make(__u32 family, const char *path)
{
	int file = open(path, O_RDONLY);
	ssize_t size;

	if (file < 0)
		die(path);
	size = read(file, attributes(), sizeof(buffer) / 2);
	if (size <= 0)
		die(path);
	close(file);
	return message_begin(family, UPCALL_CMD_OFFERED, 0, (size_t)size);
}

static int verb_forge(char **argv)
{
	const struct sockaddr_nl port = { .nl_family = AF_NETLINK, .nl_pid = number(argv[0]) };
	int error = 0, sent = 0, fd;
	__u32 family = family_find(&error);
	size_t size = event_make(family, argv[2]);
	char *id = attribute_find(attributes(), size - NLMSG_HDRLEN - GENL_HDRLEN, UPCALL_A_ID);

	if (!family || !id) {
		printf("nothing to forge: %s\n", name_of(error));
		return 1;
	}
	fd = argv[3] ? atoi(argv[3]) : netlink_open(0);
	for (__u32 i = 0; i < number(argv[1]); i++) {
		__u64 other;

		memcpy(&other, id, sizeof(other));
		other += 1000;
		memcpy(id, &other, sizeof(other));
		if (sendto(fd, buffer, size, 0, (const struct sockaddr *)&port, sizeof(port)) < 0)
			error = errno;
		else
			sent++;
	}
	printf("sent %d %s\n", sent, name_of(error));
	return 0;
}

static int verb_say(char **argv)
{
	size_t size = event_make(number(argv[0]), argv[1]);

	((struct nlmsghdr *)buffer)->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	fprintf(stderr, "said %s\n", name_of(write(1, buffer, size) < 0 ? errno : 0));
	return 0;
}

static int verb_port(char **argv)
{
	int fd = netlink_open(number(argv[0]));
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t bytes = 0;

	puts("bound");
	while (access(argv[1], F_OK) || poll(&ready, 1, 0) > 0) {
		ssize_t size;

		if (poll(&ready, 1, 50) <= 0)
			continue;
		size = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (size > 0)
			bytes += (size_t)size;
	}
	printf("bytes %zu\n", bytes);
	return 0;
}

/* ----------------------------------------------------------------- device */

/* One that would do the least harm if it worked comes as it is, in any order. */
static void device_calls(int fd, const struct upcall_ref *ref)
{
	struct upcall_version version;
	struct upcall_subscribe subscribe = { .netlink_fd = netlink_open(0) };
	struct upcall_list_entry entry;
	struct upcall_list list = { .entries = (unsigned long)&entry, .room = 1 };
	struct upcall_info info = { .id = ref->id,
				    .generation = ref->generation,
				    .size = sizeof(buffer),
				    .buffer = (unsigned long)buffer };
	struct upcall_tags tags = { .pid = 1,
				    .size = sizeof(buffer),
				    .buffer = (unsigned long)buffer };
	struct upcall_claim claim = { .id = ref->id, .generation = ref->generation };
	struct upcall_ref deny = *ref;
	static struct upcall_container container;
	__u64 none = 0;
	__u32 drain = 0;
	const struct {
		unsigned int command;
		void *argument;
	} calls[] = {
		{ UPCALL_IOC_VERSION, &version },
		{ UPCALL_IOC_LIST, &list },
		{ UPCALL_IOC_INFO, &info },
		{ UPCALL_IOC_TAGS, &tags },
		{ UPCALL_IOC_MONITOR, &subscribe },
		{ UPCALL_IOC_SUBSCRIBE, &subscribe },
		{ UPCALL_IOC_WITNESS, NULL },
		{ UPCALL_IOC_CONTAINER_NEXT, &container },
		{ UPCALL_IOC_CONTAINER_ADD, &container },
		{ UPCALL_IOC_CONTAINER_POLICY, &container },
		{ UPCALL_IOC_CONTAINER_DEL, &none },
		{ UPCALL_IOC_DRAIN, &drain },
		{ UPCALL_IOC_NATIVE, &deny },
		{ UPCALL_IOC_DENY, &deny },
		{ UPCALL_IOC_CANCEL, &deny },
		{ UPCALL_IOC_CLAIM, &claim },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		say_answer("ioctl", ioctl(fd, calls[i].command, calls[i].argument) < 0 ? errno : 0);
}

static int verb_fd(char **argv)
{
	const struct upcall_ref ref = { .id = strtoull(argv[1], NULL, 10),
					.generation = number(argv[2]) };
	char path[32];
	int again;

	device_calls(atoi(argv[0]), &ref);
	/* who may not use it may not open it by another way either */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", atoi(argv[0]));
	again = open(path, O_RDWR);
	printf("open %s\n", name_of(again < 0 ? errno : 0));
	return 0;
}

static int verb_device(char **argv)
{
	const struct upcall_ref ref = { .id = strtoull(argv[1], NULL, 10),
					.generation = number(argv[2]) };
	int fd = open(argv[0], O_RDWR);

	printf("open %s\n", name_of(fd < 0 ? errno : 0));
	if (fd >= 0)
		device_calls(fd, &ref);
	return 0;
}

static int verb_give(char **argv)
{
	const struct sockaddr_nl port = { .nl_family = AF_NETLINK, .nl_pid = number(argv[0]) };
	int device = open(UPCALL_DEVICE, O_RDWR);
	int netlink;

	if (device < 0)
		printf("device %s\n", name_of(errno));
	else if (dup2(device, 8) != 8)
		die("intruder: dup2");
	netlink = netlink_open(0);
	if (connect(netlink, (const struct sockaddr *)&port, sizeof(port)))
		printf("connect %s\n", name_of(errno));
	if (dup2(netlink, 9) != 9)
		die("intruder: dup2");
	execvp(argv[1], argv + 1);
	die(argv[1]);
	return 2;
}

static const struct {
	const char *name;
	int arguments;
	int (*run)(char **argv);
} verbs[] = {
	{ "family", 0, verb_family }, { "commands", 1, verb_commands }, { "event", 3, verb_event },
	{ "forge", 3, verb_forge },   { "say", 2, verb_say },		{ "port", 2, verb_port },
	{ "fd", 3, verb_fd },	      { "device", 3, verb_device },	{ "give", 2, verb_give },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name) && argc - 2 >= verbs[i].arguments)
			return verbs[i].run(argv + 2);
	fprintf(stderr, "intruder: bad usage\n");
	return 2;
}
