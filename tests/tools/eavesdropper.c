// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who has no right to, or has, tries to hear of upcalls
 *
 * eavesdropper groups MARK STOP  joins every generic netlink group that there may be, of
 *                                all network namespaces; prints "joined N", listens
 *                                until the file STOP is there, then prints "bytes N",
 *                                of messages that hold the bytes MARK
 * eavesdropper device MARK STOP  the same by UPCALL_IOC_MONITOR; prints "monitors"
 *                                or the errno's name, and ends then
 * eavesdropper hold SECONDS      monitors and reads nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "upcall.h"

#define GROUPS_MAX 256

static char buffer[256 * 1024];

static int netlink_open(void)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any))) {
		perror("eavesdropper: netlink");
		exit(2);
	}
	return fd;
}

static void join_groups(int fd)
{
	const int on = 1;
	int joined = 0;

	/* refused where it may not be; what can be heard is what counts */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on));
	for (int group = 1; group <= GROUPS_MAX; group++)
		joined +=
			!setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
	printf("joined %d\n", joined);
}

/* Ends the program where it is not allowed. */
static void monitor(int fd)
{
	struct upcall_subscribe subscribe = { .netlink_fd = fd };
	int device = open(UPCALL_DEVICE, O_RDWR | O_CLOEXEC);

	if (device < 0 || ioctl(device, UPCALL_IOC_MONITOR, &subscribe)) {
		puts(strerrorname_np(errno));
		exit(1);
	}
	puts("monitors");
}

static void listen_until(int fd, const char *mark, const char *stop)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	size_t bytes = 0;

	while (access(stop, F_OK) || poll(&poller, 1, 0) > 0) {
		ssize_t size;

		if (poll(&poller, 1, 50) <= 0)
			continue;
		size = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (size > 0 && memmem(buffer, (size_t)size, mark, strlen(mark)))
			bytes += (size_t)size;
	}
	printf("bytes %zu\n", bytes);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!strcmp(verb, "hold")) {
		monitor(netlink_open());
		sleep((unsigned int)strtoul(argv[2], NULL, 10));
		return 0;
	}
	if (argc != 4 || (strcmp(verb, "groups") && strcmp(verb, "device"))) {
		fprintf(stderr, "eavesdropper: bad usage\n");
		return 2;
	}
	fd = netlink_open();
	if (!strcmp(verb, "groups"))
		join_groups(fd);
	else
		monitor(fd);
	listen_until(fd, argv[2], argv[3]);
	return 0;
}
