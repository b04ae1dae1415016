// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests to the worker and reports of its children (daemon/worker/packet.c, report.c)
 *
 * The first byte says how many fds come along, the rest is the packet. However it
 * ends, no fd stays open that nobody has; what is accepted lies within bounds.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "packet.h"
#include "report.h"

#define FDS_MAX 12

static int next_fd(void)
{
	int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);

	property(fd >= 0);
	close(fd);
	return fd;
}

static void check_request(const struct worker_request *request)
{
	property(request->protocol == WORKER_PROTOCOL);
	property(strnlen(request->container_name, UPCALL_NAME_LEN) < UPCALL_NAME_LEN);
	property(strnlen(request->cgroup, WORKER_PATH_LEN) < WORKER_PATH_LEN);
	property(strnlen(request->program, WORKER_PATH_LEN) < WORKER_PATH_LEN);
	if (packet_check_request(request) < 0)
		return;
	property(request->class < UPCALL_CLASS_COUNT && request->run_ms > 0);
	property(request->program[0] == '/' || request->program[0] == '\0');
	property(request->handler == WORKER_BECOME || worker_is_visit(request->handler) ||
		 request->class == UPCALL_CLASS_KEY);
	property(!worker_is_visit(request->handler) || request->run_in == WORKER_RUN_IN_CONTAINER);
	property(!request->cgroup_id == !request->cgroup[0]);
	/* nothing is entered that has not been named */
	if (request->run_in != WORKER_RUN_IN_HOST) {
		property(request->leader >= 1 && request->leader <= INT32_MAX);
		property(request->own_ns && request->own_ns < 1u << UPCALL_NS_COUNT);
		for (unsigned int i = 0; i < UPCALL_NS_COUNT; i++)
			property(!(request->own_ns & 1u << i) || request->ns[i]);
	}
}

static void send_packet(int socket, const void *data, size_t size, size_t fd_count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd_count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		/* all of them fd 0 */
		control.header.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
	}
	property(sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size);
}

static void check_packet(const uint8_t *data, size_t size, size_t fd_count)
{
	struct worker_request request;
	struct worker_fds fds = WORKER_FDS_NULL;
	int sockets[2], ret;

	property(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
	send_packet(sockets[0], data, size, fd_count);
	ret = packet_receive(sockets[1], &request, &fds);
	if (ret == 0) {
		property(size == sizeof(request) && fds.upcall >= 0 && fds.pidfd >= 0);
		property((fds.channel >= 0) == worker_is_visit(request.handler));
		property((fds.filter >= 0) == (request.filter != 0));
		property(fd_count == 2U + (fds.channel >= 0) + (fds.filter >= 0));
		check_request(&request);
	} else {
		property(ret == -EBADMSG || (ret == -ECONNRESET && size == 0));
		property(fds.upcall == -1 && fds.pidfd == -1);
		property(fds.channel == -1 && fds.filter == -1);
	}
	packet_fds_close(&fds);
	close(sockets[0]);
	close(sockets[1]);
}

static void check_report(const uint8_t *data, size_t size)
{
	struct report report = { 0 };
	int read_fd, write_fd, ret;

	if (size > 64)
		size = 64;
	property(report_open(&read_fd, &write_fd) == 0);
	property(write(write_fd, data, size) == (ssize_t)size);
	close(write_fd);
	while ((ret = report_receive(read_fd, &report)) > 0) {
		property(report.step < WORKER_STEP_COUNT && report.value >= 0);
		property(report.kind >= REPORT_ATTACHED && report.kind <= REPORT_FILTERED);
	}
	property(ret == 0 || ret == -EBADMSG);
	close(read_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before;

	if (size < 1)
		return 0;
	before = next_fd();
	check_report(data + 1, size - 1);
	check_packet(data + 1, size - 1, data[0] % (FDS_MAX + 1));
	property(next_fd() == before);
	return 0;
}
