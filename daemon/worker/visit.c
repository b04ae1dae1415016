// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "packet.h"
#include "request-life.h"
#include "visit.h"

/* The kernel's for helpers that it starts itself (key requests). */
static const char *const environment[] = { "HOME=/", "PATH=/sbin:/bin:/usr/sbin:/usr/bin" };

#define ENVIRONMENT_COUNT (sizeof(environment) / sizeof(environment[0]))

static void on_channel(struct watch *watch, short revents)
{
	struct request *request = container_of(watch, struct request, visit.channel);

	if (!(revents & (POLLHUP | POLLERR | POLLNVAL)))
		return;
	loop_unwatch_close(&request->hands->loop, watch);
	request_decide(request, WORKER_GONE, WORKER_STEP_NONE, 0);
	request_try_finish(request);
}

void visit_take(struct request *request, int channel_fd)
{
	if (loop_watch(&request->hands->loop, &request->visit.channel, channel_fd, 0, on_channel) <
	    0)
		close_keep_errno(channel_fd);
}

static unsigned int visits_count(const struct hands *hands)
{
	unsigned int count = 0;

	for (const struct request *request = hands->requests; request; request = request->next)
		count += request_visits(request);
	return count;
}

static bool fd_is_stream(int fd)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* The visit's from here on, whatever they are. */
static int fds_keep(struct visit *visit, const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i < 3)
			visit->fds[i] = fds[i];
		else
			close_keep_errno(fds[i]);
	}
	if (count != 3)
		return -EBADMSG;
	for (size_t i = 0; i < 3; i++)
		if (!fd_is_stream(fds[i]))
			return -ENOTSOCK;
	return 0;
}

static int channel_read(struct visit *visit)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(PACKET_FDS_ROOM * sizeof(int))];
	struct iovec data = { visit->arguments, WORKER_VISIT_SIZE };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fds[PACKET_FDS_ROOM];
	ssize_t size;
	int ret;

	size = recvmsg(visit->channel.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (size < 0)
		return -errno;
	ret = fds_keep(visit, fds, packet_take_fds(&message, fds));
	if (ret == 0 && message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EMSGSIZE;
	visit->size = (size_t)size;
	return ret;
}

static size_t arguments_count(const struct visit *visit)
{
	size_t count = 0;

	for (size_t i = 0; i < visit->size; i++)
		count += visit->arguments[i] == '\0';
	return count;
}

/* Nobody searches PATH for a visitor, as nobody does for a handler. */
static int arguments_check(const struct visit *visit, bool path)
{
	if (visit->size == 0 || visit->arguments[visit->size - 1] != '\0' ||
	    (path && visit->arguments[0] != '/'))
		return -EBADMSG;
	return arguments_count(visit) <= WORKER_VISIT_ARGS ? 0 : -E2BIG;
}

/* It lies in the channel still, but its visitor was told that it has not begun, or has left. */
static bool visitor_has_gone(const struct visit *visit)
{
	struct pollfd channel = { .fd = visit->channel.fd };

	return poll(&channel, 1, 0) > 0 && channel.revents & (POLLHUP | POLLERR);
}

int visit_start(struct request *request)
{
	struct visit *visit = &request->visit;
	int ret;

	if (visits_count(request->hands) > WORKER_VISITS)
		return -EUSERS;
	if (visit->channel.fd < 0)
		return -ENOSPC;
	if (visitor_has_gone(visit))
		return -ECANCELED;
	visit->arguments = malloc(WORKER_VISIT_SIZE);
	if (!visit->arguments)
		return -ENOMEM;
	ret = channel_read(visit);
	return ret < 0 ? ret : arguments_check(visit, request->wire.handler == WORKER_VISIT);
}

int visit_command(const struct visit *visit, bool ours, struct command *ret)
{
	struct command command = COMMAND_NULL;
	const char *argument = visit->arguments;
	size_t count = arguments_count(visit);

	command.argv = calloc(count + 1, sizeof(*command.argv));
	command.envp = calloc(ENVIRONMENT_COUNT + 1, sizeof(*command.envp));
	if (!command.argv || !command.envp) {
		command_clear(&command);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++, argument += strlen(argument) + 1)
		command.argv[i] = argument;
	memcpy(command.envp, environment, sizeof(environment));
	command.path = ours ? NULL : command.argv[0];
	*ret = command;
	return 0;
}

void visit_tell(const struct visit *visit, const struct worker_result *result)
{
	if (visit->channel.fd >= 0)
		(void)packet_send(visit->channel.fd, result);
}

void visit_clear(struct visit *visit, struct loop *loop)
{
	loop_unwatch_close(loop, &visit->channel);
	for (size_t i = 0; i < 3; i++)
		close_keep_errno(visit->fds[i]);
	free(visit->arguments);
	*visit = VISIT_NULL;
}
