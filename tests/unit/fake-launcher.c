// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake-launcher.h"
#include "list.h"

int fake_launcher_connect(struct fake_launcher *fake)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	if (fake->worker >= 0)
		close(fake->worker);
	fake->worker = pair[1];
	return pair[0];
}

static int fake_start(struct launcher *launcher, const char *name, struct launch_client *client,
		      struct launch **ret)
{
	struct fake_launcher *fake = container_of(launcher, struct fake_launcher, base);

	fake->starts++;
	if (fake->start_error == -EINPROGRESS) {
		fake->launching = client;
		*ret = (struct launch *)fake;
	}
	return fake->start_error < 0 ? fake->start_error : fake_launcher_connect(fake);
}

static void fake_cancel(struct launch *launch)
{
	((struct fake_launcher *)launch)->cancels++;
}

static void fake_stop(struct launcher *launcher, const char *name)
{
	container_of(launcher, struct fake_launcher, base)->stops++;
}

static const struct launcher_vtable vtable = {
	.name = "fake",
	.start = fake_start,
	.cancel = fake_cancel,
	.stop = fake_stop,
};

void fake_launcher_init(struct fake_launcher *fake)
{
	*fake = (struct fake_launcher){ .base = { .vtable = &vtable }, .worker = -1 };
}

void fake_launcher_end(struct fake_launcher *fake)
{
	if (fake->worker >= 0)
		close(fake->worker);
	fake->worker = -1;
}

int fake_launcher_take(struct fake_launcher *fake, struct worker_request *request,
		       int fds[static FAKE_LAUNCHER_FDS])
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FAKE_LAUNCHER_FDS * sizeof(int))];
	} control;
	struct iovec iov = { request, sizeof(*request) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	size_t size;

	if (fake->worker < 0 || recvmsg(fake->worker, &message, MSG_DONTWAIT) <= 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&message);
	if (!cmsg)
		return 0;
	size = cmsg->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(cmsg), size);
	return (int)(size / sizeof(int));
}
