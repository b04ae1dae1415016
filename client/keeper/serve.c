// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests, one after the other. None of them waits for anybody, but where the kernel does: for a
 * module, for an NFS server, for the close of what was sent (docs/architecture.md, Known limits).
 * What sends and receives takes what is there, and what finds no room is lost: whoever has the
 * container's fd could have filled the socket, or read from its other end, in order to stop us.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgroup-events.h"
#include "cleanup.h"
#include "keeper/container.h"
#include "packet.h"
#include "pidfd.h"

/* A first process is made at once, or by nobody. */
#define START_MS 5000

#define PAUSE_MS 50

#define POLL_MOUNTS 3 /* the first of them among what is polled */

int ask_add(struct ask *ask, int fd)
{
	if (fd < 0)
		return -errno;
	ask->fds[ask->fd_count++] = fd;
	return 0;
}

int ask_send(struct ask *ask)
{
	int r = packet_send_now(ask->conversation, &ask->answer, sizeof(ask->answer), ask->fds,
				ask->fd_count);

	packet_close_fds(ask->fds, ask->fd_count);
	ask->fd_count = 0;
	return r;
}

/* What can be changed only as long as nobody lives in the container. */
static int check_empty(const struct keeper *keeper)
{
	if (keeper->first >= 0)
		return -EALREADY;
	return keeper->starting >= 0 ? -EBUSY : 0;
}

/*
 * ATTACK: who has a copy of a socket that we read from can be stuck in it, with the kernel's lock,
 * or set what it receives. So this is a new one, whose other end alone is his.
 */
static int start_begin(struct keeper *keeper, struct ask *ask)
{
	const int on = 1;
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	/* ORDER: before he is answered: the first process says there who it is */
	r = setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ? -errno : 0;
	(void)ask_add(ask, ends[1]);
	if (r < 0) {
		close_keep_errno(ends[0]);
		return r;
	}
	keeper->starting = ends[0];
	keeper->starting_until = deadline_in(START_MS);
	return 0;
}

static int answer_fork(struct keeper *keeper, struct ask *ask)
{
	int r;

	/* who enters stands still then, and who made him waits for him */
	if (keeper->cgroup >= 0 && cgroup_event(keeper->cgroup, "frozen") > 0)
		return -EBUSY;
	r = nsfds_answer(keeper, ask);
	if (r < 0)
		return r;
	return start_begin(keeper, ask);
}

static int answer_keyring(struct keeper *keeper, struct ask *ask)
{
	int serial = keyring_make(keeper);

	if (serial > 0)
		ask->answer.value = (uint32_t)serial;
	return serial < 0 ? serial : 0;
}

/* Before the first process. */
static int serve_empty(struct keeper *keeper, struct ask *ask)
{
	int r = check_empty(keeper);

	if (r < 0)
		return r;
	switch (ask->request->op) {
	case KEEPER_FORK:
		return answer_fork(keeper, ask);
	case KEEPER_NAMESPACE:
		return namespace_set(keeper, ask->arguments[0]);
	case KEEPER_CGROUP:
		return cgroup_set(keeper, ask->arguments[0], ask->arguments[1]);
	default:
		return answer_keyring(keeper, ask);
	}
}

static int answer_info(const struct keeper *keeper, struct ask *ask)
{
	int r = 0;

	snprintf(ask->answer.text, sizeof(ask->answer.text), "%s", keeper->name);
	if (keeper->first >= 0) {
		r = ask_add(ask, fcntl(keeper->first, F_DUPFD_CLOEXEC, 0));
		ask->answer.value |= KEEPER_INFO_FIRST;
	}
	if (r >= 0 && keeper->cgroup >= 0) {
		r = ask_add(ask, fcntl(keeper->cgroup, F_DUPFD_CLOEXEC, 0));
		ask->answer.value |= KEEPER_INFO_CGROUP;
	}
	return r;
}

static int answer_freeze(const struct keeper *keeper, struct ask *ask)
{
	int r;

	if (keeper->cgroup < 0)
		return -EOPNOTSUPP;
	r = cgroup_write(keeper->cgroup, "cgroup.freeze", ask->request->numbers[0] ? "1" : "0");
	return r < 0 ? r : answer_info(keeper, ask);
}

/* An fd, or a negative errno. */
static int open_one(const struct keeper *keeper, const struct ask *ask)
{
	const uint32_t *numbers = ask->request->numbers;
	int fd;

	switch (ask->request->op) {
	case KEEPER_ROOT:
		return tree_root();
	case KEEPER_SOCKET:
		fd = socket((int)numbers[0], (int)numbers[1] | SOCK_CLOEXEC, (int)numbers[2]);
		break;
	case KEEPER_FSOPEN:
		return tree_fsopen(keeper, ask->request->text, numbers[0]);
	default:
		fd = fsmount(ask->arguments[0], numbers[0] | FSMOUNT_CLOEXEC, numbers[1]);
		break;
	}
	return fd < 0 ? -errno : fd;
}

static int serve_open(const struct keeper *keeper, struct ask *ask)
{
	int fd = open_one(keeper, ask);

	return fd < 0 ? fd : ask_add(ask, fd);
}

static int serve_op(struct keeper *keeper, struct ask *ask)
{
	switch (ask->request->op) {
	case KEEPER_FORK:
	case KEEPER_NAMESPACE:
	case KEEPER_CGROUP:
	case KEEPER_KEYRING:
		return serve_empty(keeper, ask);
	case KEEPER_ROOT:
	case KEEPER_SOCKET:
	case KEEPER_FSOPEN:
	case KEEPER_FSMOUNT:
		return serve_open(keeper, ask);
	case KEEPER_FREEZE:
		return answer_freeze(keeper, ask);
	case KEEPER_INFO:
		return answer_info(keeper, ask);
	case KEEPER_MOUNT:
		return tree_mount(keeper, ask);
	default:
		return -EOPNOTSUPP;
	}
}

/* A failure takes back the fds that were to go along. */
static void serve(struct keeper *keeper, const struct keeper_request *request, int conversation,
		  const int *arguments)
{
	struct ask ask = {
		.request = request,
		.conversation = conversation,
		.arguments = arguments,
	};

	ask.answer.error = request->protocol == KEEPER_PROTOCOL ? serve_op(keeper, &ask) :
								  -EPROTONOSUPPORT;
	if (ask.answer.error < 0) {
		packet_close_fds(ask.fds, ask.fd_count);
		ask.fd_count = 0;
		ask.answer.value = 0;
	}
	if (!ask.later)
		(void)ask_send(&ask);
}

/*
 * ATTACK: no other socket's send is sure to return at once: who has the same one can be stuck in
 * it, with the kernel's lock.
 */
static bool is_conversation(int fd)
{
	int domain = -1, type = -1;
	socklen_t size = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return false;
	return domain == AF_UNIX && type == SOCK_SEQPACKET;
}

/* -ENOTCONN: the last copy of the fd is closed. */
static int serve_next(struct keeper *keeper, bool hung_up)
{
	struct keeper_request request;
	int fds[] = { -1, -1, -1 };
	struct packet packet = { &request, sizeof(request), fds, 1 + KEEPER_ARGUMENTS };
	int r;

	r = packet_receive_now(keeper->socket, &packet);
	if (r == -ENOTCONN)
		/* an empty packet looks the same, and ends nothing */
		return hung_up ? r : 0;
	if (r < 0)
		return 0;
	request.text[KEEPER_TEXT_LEN - 1] = '\0';
	if (is_conversation(fds[0]))
		serve(keeper, &request, fds[0], fds + 1);
	packet_close_fds(fds, 1 + KEEPER_ARGUMENTS);
	return 0;
}

/*
 * A process that is shown will be killed with the container: it has said itself that it is the
 * first one, by the kernel's word, and it is where that belongs. RACE: it was shown before somebody
 * with its pid said so, and lives still; so nobody else had that pid.
 */
static int check_first(const struct keeper *keeper, pid_t sender)
{
	/* in our own fdinfo, from when there was a /proc */
	int pid = pidfd_to_pid(keeper->namespaces, "../fdinfo", keeper->shown);

	if (pid < 0)
		return pid;
	if (pid != sender)
		return -EPERM;
	if (keeper->cgroup >= 0 && !cgroup_has(keeper->cgroup, pid))
		return -EPERM;
	return pidfd_send_signal(keeper->shown, 0, NULL, 0) < 0 ? -errno : 0;
}

static int show(struct keeper *keeper, int pidfd)
{
	if (keeper->shown >= 0) {
		close_keep_errno(pidfd);
		return -EBADMSG;
	}
	keeper->shown = pidfd;
	/* any other fd would not end with the container, and could not be killed with it */
	return pidfd_send_signal(pidfd, 0, NULL, 0) < 0 ? -errno : 0;
}

/* The maker's packet with the pidfd, then the first process's own. 1: both were there. */
static int start_receive(struct keeper *keeper)
{
	struct keeper_request request;
	int fd = -1;
	struct packet packet = { &request, sizeof(request), &fd, 1 };
	int r;

	r = packet_receive_now(keeper->starting, &packet);
	if (r < 0)
		return r;
	if (packet.count)
		return show(keeper, fd);
	/* ATTACK: another's output may have been led here */
	if (keeper->shown < 0 || request.protocol != KEEPER_PROTOCOL || request.op != KEEPER_FORK)
		return -EBADMSG;
	r = check_first(keeper, packet.sender);
	return r < 0 ? r : 1;
}

/* The first process is there and waits for our answer; or who was making it has given up. */
static void start_end(struct keeper *keeper, int error)
{
	struct keeper_answer answer = { .error = error };

	if (error < 0)
		close_keep_errno(keeper->shown);
	else
		keeper->first = keeper->shown;
	keeper->shown = -1;
	(void)packet_send_now(keeper->starting, &answer, sizeof(answer), NULL, 0);
	keeper->starting = close_keep_errno(keeper->starting);
}

static void serve_started(struct keeper *keeper)
{
	int r = start_receive(keeper);

	if (r && r != -EAGAIN)
		start_end(keeper, r < 0 ? r : 0);
}

static void serve_start(struct keeper *keeper, const struct pollfd *starting,
			const struct pollfd *shown)
{
	if (starting->revents)
		serve_started(keeper);
	/* killed before it has said anything */
	else if (shown->revents)
		start_end(keeper, -ESRCH);
	if (keeper->starting >= 0 && !deadline_left(keeper->starting_until))
		start_end(keeper, -ETIMEDOUT);
}

/* Somebody has made our limits too small, or there is no memory: that may pass. */
static void keeper_pause(int error)
{
	if (error != EINTR)
		(void)poll(NULL, 0, PAUSE_MS);
}

void keeper_serve(struct keeper *keeper)
{
	/* who has shut the socket down can ask no more, nor can anybody else */
	const short end = POLLHUP | POLLRDHUP;

	for (;;) {
		/*
		 * RACE: who gave up a start may ask again at once. poll() looks at the socket first:
		 * if that has his request, the end of the start, which was before, is seen too.
		 */
		struct pollfd pollers[] = {
			{ .fd = keeper->socket, .events = POLLIN | POLLRDHUP },
			{ .fd = keeper->starting, .events = POLLIN },
			{ .fd = keeper->shown, .events = POLLIN },
			[POLL_MOUNTS + KEEPER_MOUNTS - 1] = { 0 },
		};
		int left = keeper->starting < 0 ? -1 : deadline_left(keeper->starting_until);

		for (int i = 0; i < KEEPER_MOUNTS; i++)
			pollers[POLL_MOUNTS + i] =
				(struct pollfd){ keeper->mounts[i].pidfd, POLLIN, 0 };
		if (poll(pollers, POLL_MOUNTS + KEEPER_MOUNTS, left) < 0) {
			keeper_pause(errno);
			continue;
		}
		for (int i = 0; i < KEEPER_MOUNTS; i++)
			if (pollers[POLL_MOUNTS + i].revents)
				tree_mount_end(keeper, &keeper->mounts[i]);
		serve_start(keeper, &pollers[1], &pollers[2]);
		if (pollers[0].revents && serve_next(keeper, pollers[0].revents & end) < 0)
			return;
	}
}
