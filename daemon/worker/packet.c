// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "packet.h"

static bool text_is_terminated(const char *text, size_t room)
{
	return memchr(text, '\0', room);
}

int packet_check_frame(const void *data, size_t size)
{
	const struct worker_request *request = data;

	if (size != sizeof(*request) || request->protocol != WORKER_PROTOCOL)
		return -EBADMSG;
	if (!text_is_terminated(request->container_name, sizeof(request->container_name)) ||
	    !text_is_terminated(request->cgroup, sizeof(request->cgroup)) ||
	    !text_is_terminated(request->program, sizeof(request->program)))
		return -EBADMSG;
	return 0;
}

static bool program_is_valid(const struct worker_request *request)
{
	switch ((enum worker_handler)request->handler) {
	case WORKER_BECOME:
		return request->program[0] == '\0' || request->program[0] == '/';
	case WORKER_ANSWER_PROGRAM:
		return request->program[0] == '/' && request->class == UPCALL_CLASS_KEY;
	case WORKER_ANSWER_DNS:
		return request->program[0] == '\0' && request->class == UPCALL_CLASS_KEY;
	case WORKER_VISIT:
	case WORKER_PROBE:
		return request->program[0] == '\0' && request->class == UPCALL_CLASS_OTHER &&
		       request->run_in == WORKER_RUN_IN_CONTAINER;
	}
	return false;
}

/* Of which handler it is nobody knows yet, if it is not a visit's. */
static size_t packet_fds_count(const struct worker_request *request)
{
	return 2 + worker_is_visit(request->handler) + (request->filter != 0);
}

static bool filter_is_valid(const struct worker_request *request)
{
	if (request->filter == 0)
		return true;
	return request->filter == 1 && worker_runs_theirs(request->handler, request->run_in);
}

static bool place_is_valid(const struct worker_request *request)
{
	switch ((enum worker_run_in)request->run_in) {
	case WORKER_RUN_IN_HOST:
		return true;
	case WORKER_RUN_IN_CONTAINER:
		break;
	default:
		return false;
	}
	if (request->leader == 0 || request->leader > INT32_MAX || request->own_ns == 0)
		return false;
	for (int i = 0; i < UPCALL_NS_COUNT; i++)
		if (request->own_ns & (1u << i) && request->ns[i] == 0)
			return false;
	return true;
}

int packet_check_request(const struct worker_request *request)
{
	if (request->class >= UPCALL_CLASS_COUNT || request->alone > 1 || request->run_ms == 0 ||
	    request->own_ns >> UPCALL_NS_COUNT != 0)
		return -EINVAL;
	if ((request->cgroup_id == 0) != (request->cgroup[0] == '\0'))
		return -EINVAL;
	return program_is_valid(request) && place_is_valid(request) && filter_is_valid(request) ?
		       0 :
		       -EINVAL;
}

static void fds_close(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close_keep_errno(fds[i]);
}

size_t packet_take_fds(struct msghdr *message, int fds[static PACKET_FDS_ROOM])
{
	struct cmsghdr *control;
	size_t count = 0;

	for (control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
		size_t size = control->cmsg_len - CMSG_LEN(0);

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS ||
		    count + size / sizeof(int) > PACKET_FDS_ROOM)
			continue;
		memcpy(fds + count, CMSG_DATA(control), size);
		count += size / sizeof(int);
	}
	return count;
}

void packet_fds_close(struct worker_fds *fds)
{
	close_keep_errno(fds->upcall);
	close_keep_errno(fds->pidfd);
	close_keep_errno(fds->channel);
	close_keep_errno(fds->filter);
	*fds = WORKER_FDS_NULL;
}

/* In the order in which they are sent: see proto/worker.h. */
static void fds_name(const struct worker_request *request, const int *fds, struct worker_fds *ret)
{
	*ret = WORKER_FDS_NULL;
	ret->upcall = *fds++;
	ret->pidfd = *fds++;
	if (worker_is_visit(request->handler))
		ret->channel = *fds++;
	if (request->filter != 0)
		ret->filter = *fds;
}

int packet_receive(int socket, struct worker_request *request, struct worker_fds *ret_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(PACKET_FDS_ROOM * sizeof(int))];
	struct iovec data = { request, sizeof(*request) };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fds[PACKET_FDS_ROOM];
	size_t count;
	ssize_t size;

	size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (size < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (size == 0)
		return -ECONNRESET;
	count = packet_take_fds(&message, fds);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
	    packet_check_frame(request, (size_t)size) < 0 || count != packet_fds_count(request)) {
		fds_close(fds, count);
		return -EBADMSG;
	}
	fds_name(request, fds, ret_fds);
	return 0;
}

int packet_send(int socket, const struct worker_result *result)
{
	ssize_t size = send(socket, result, sizeof(*result), MSG_DONTWAIT | MSG_NOSIGNAL);

	return size < 0 ? -errno : 0;
}
