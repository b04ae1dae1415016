// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "listen.h"
#include "packet.h"
#include "peer.h"
#include "request.h"
#include "shim-fd.h"

static void connection_close(struct connection *connection)
{
	loop_unwatch_close(&connection->hands->loop, &connection->watch);
	connection->id = 0;
}

/* Told before anything is asked of it: it would be its maker who answers. */
static int upcall_fd_check(const struct worker_request *request, int fd)
{
	return worker_is_visit(request->handler) ? shim_check_witness(fd) : shim_check_upcall(fd);
}

static int packet_take(int socket, struct worker_request *request, struct worker_fds *fds)
{
	int ret = packet_receive(socket, request, fds);

	if (ret < 0 || upcall_fd_check(request, fds->upcall) == 0)
		return ret;
	packet_fds_close(fds);
	return -EBADMSG;
}

static void on_packet(struct watch *watch, short revents)
{
	struct connection *connection = container_of(watch, struct connection, watch);
	struct hands *hands = connection->hands;
	struct worker_request request;
	struct worker_fds fds;
	int ret;

	(void)revents;
	ret = packet_take(watch->fd, &request, &fds);
	if (ret == 0) {
		request_start(hands, connection->id, &request, &fds);
	} else if (ret != -EAGAIN) {
		if (ret == -EBADMSG)
			fprintf(stderr, "upcall-worker: malformed request, connection closed\n");
		connection_close(connection);
	}
}

/* Root of the host, not of a container that has its uid and finds our socket. */
static int peer_check(int fd)
{
	uid_t uid;
	int ret = peer_uid(fd, &uid);

	if (ret < 0)
		return ret;
	return uid == 0 ? 0 : -EPERM;
}

int connection_add(struct hands *hands, int fd)
{
	int ret = peer_check(fd);

	if (ret < 0) {
		close_keep_errno(fd);
		return ret;
	}
	for (int i = 0; i < CONNECTION_MAX; i++) {
		struct connection *connection = &hands->connections[i];

		if (connection->id)
			continue;
		ret = loop_watch(&hands->loop, &connection->watch, fd, POLLIN, on_packet);
		if (ret < 0)
			break;
		connection->hands = hands;
		connection->id = ++hands->next_connection_id;
		return 0;
	}
	close_keep_errno(fd);
	return -EUSERS;
}

static void on_connect(struct watch *watch, short revents)
{
	struct hands *hands = container_of(watch, struct hands, listener);
	/* cppcheck-suppress nullPointer ; accept4() needs no address to fill */
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (fd >= 0 && connection_add(hands, fd) < 0)
		fprintf(stderr,
			"upcall-worker: connection refused: not of the host's root, or too many\n");
}

int listen_start(struct hands *hands, int fd)
{
	int type = 0, ret;
	socklen_t size = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		close_keep_errno(fd);
		return -ENOTSOCK;
	}
	ret = loop_watch(&hands->loop, &hands->listener, fd, POLLIN, on_connect);
	if (ret < 0)
		close_keep_errno(fd);
	return ret;
}

void connection_send(struct hands *hands, uint64_t id, const struct worker_result *result)
{
	for (int i = 0; id && i < CONNECTION_MAX; i++)
		if (hands->connections[i].id == id)
			(void)packet_send(hands->connections[i].watch.fd, result);
}

void connection_throttle(struct hands *hands)
{
	short events = hands->request_count < REQUEST_MAX ? POLLIN : 0;

	for (int i = 0; i < CONNECTION_MAX; i++)
		hands->connections[i].watch.events = events;
}

void listen_end(struct hands *hands)
{
	hands->deaf = true;
	loop_unwatch_close(&hands->loop, &hands->listener);
	for (int i = 0; i < CONNECTION_MAX; i++)
		loop_mute(&hands->loop, &hands->connections[i].watch);
}

bool listen_is_over(const struct hands *hands)
{
	return hands->deaf || (hands->listener.fd < 0 && !connection_is_any(hands));
}

bool connection_is_any(const struct hands *hands)
{
	for (int i = 0; i < CONNECTION_MAX; i++)
		if (hands->connections[i].id)
			return true;
	return false;
}
