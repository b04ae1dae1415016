// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "cleanup.h"
#include "keeper/container.h"
#include "packet.h"

enum {
	FD_SOCKET = 0,
	FD_CREATE = 1,
};

/*
 * Stays at 2, so that a message of the C library's, or anything else that writes there,
 * is written to a directory, which fails.
 */
static int namespaces_open(void)
{
	int fd;

	do
		fd = open("/proc/self/ns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && fd < 2);
	return fd;
}

/* Nobody's stop ends us but the end of the fd: who ends a session does not end its containers. */
static void signals_block(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static int create(struct keeper *keeper)
{
	struct keeper_request request;
	struct ask ask = { .request = &request, .conversation = FD_CREATE };
	size_t none = 0;
	int r;

	r = packet_receive(FD_CREATE, &request, sizeof(request), NULL, &none);
	if (r < 0)
		return r;
	request.text[KEEPER_TEXT_LEN - 1] = '\0';
	if (keeper->namespaces < 0)
		r = -ENOENT;
	else if (request.protocol != KEEPER_PROTOCOL || request.op != KEEPER_CREATE)
		r = -EPROTONOSUPPORT;
	else
		r = namespaces_keep(keeper);
	if (r >= 0)
		r = keeper_create(keeper, &ask);
	packet_close_fds(ask.fds, ask.fd_count);
	ask.fd_count = 0;
	if (r < 0)
		/* ORDER: gone before it is said, so that nothing is left when the caller knows */
		(void)cgroup_remove(keeper);
	ask.answer.error = r;
	if (ask_send(&ask) < 0 && r >= 0)
		r = -ENOTCONN;
	/* the place stays taken, as 2 does */
	if (dup3(keeper->namespaces, FD_CREATE, O_CLOEXEC) < 0)
		close_keep_errno(FD_CREATE);
	return r;
}

int main(void)
{
	struct keeper keeper = {
		.socket = FD_SOCKET,
		.first = -1,
		.starting = -1,
		.shown = -1,
		.cgroup = -1,
		.cgroup_kill = -1,
		.cgroup_events = -1,
		.cgroup_parent = -1,
		.pid_namespace = -1,
		.time_namespace = -1,
		.cgroup_namespace = -1,
	};

	for (size_t i = 0; i < KEEPER_MOUNTS; i++)
		keeper.mounts[i].pidfd = keeper.mounts[i].conversation = -1;
	signals_block();
	(void)setsid();
	keeper.namespaces = namespaces_open();
	/* nor is it us who keeps our creator's directory from being unmounted */
	if (chdir("/") < 0)
		return 1;
	if (create(&keeper) < 0) {
		(void)cgroup_remove(&keeper);
		return 1;
	}
	keeper_serve(&keeper);
	keeper_end(&keeper);
	return 0;
}
