// SPDX-License-Identifier: GPL-2.0-or-later
/* Offers as they are announced. */
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim-client.h"

int subscribe(int device)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	struct upcall_subscribe subscribe = {
		.netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC),
	};

	if (bind(subscribe.netlink_fd, (const struct sockaddr *)&any, sizeof(any)))
		die("netlink");
	return ioctl(device, UPCALL_IOC_SUBSCRIBE, &subscribe) ? -1 : subscribe.netlink_fd;
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

int verb_listen(int device, char **argv)
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
