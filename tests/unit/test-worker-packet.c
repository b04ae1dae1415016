// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets: what no upcalld of our version sends ends the connection. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "packet.h"

static struct worker_request request_good(void)
{
	return (struct worker_request){
		.protocol = WORKER_PROTOCOL,
		.class = UPCALL_CLASS_KEY,
		.id = 7,
		.leader = 100,
		.own_ns = 1u << UPCALL_NS_MNT,
		.ns = { [UPCALL_NS_MNT] = 5 },
		.run_ms = 1000,
		.cgroup_id = 9,
		.cgroup = "/a",
		.container_name = "web",
	};
}

static struct worker_request visit_good(void)
{
	struct worker_request request = request_good();

	request.handler = WORKER_VISIT;
	request.class = UPCALL_CLASS_OTHER;
	return request;
}

static void test_frame(void **state)
{
	struct worker_request request = request_good();

	(void)state;
	assert_int_equal(packet_check_frame(&request, sizeof(request)), 0);
	assert_int_equal(packet_check_frame(&request, sizeof(request) - 1), -EBADMSG);
	assert_int_equal(packet_check_frame(&request, 0), -EBADMSG);
	request.protocol++;
	assert_int_equal(packet_check_frame(&request, sizeof(request)), -EBADMSG);
	request = request_good();
	memset(request.program, 'a', sizeof(request.program));
	assert_int_equal(packet_check_frame(&request, sizeof(request)), -EBADMSG);
	request = request_good();
	memset(request.cgroup, 'a', sizeof(request.cgroup));
	assert_int_equal(packet_check_frame(&request, sizeof(request)), -EBADMSG);
	request = request_good();
	memset(request.container_name, 'a', sizeof(request.container_name));
	assert_int_equal(packet_check_frame(&request, sizeof(request)), -EBADMSG);
}

#define REFUSED_OF(good_one, change)                                       \
	do {                                                               \
		struct worker_request request = good_one();                \
		change;                                                    \
		assert_int_equal(packet_check_request(&request), -EINVAL); \
	} while (0)
#define REFUSED(change) REFUSED_OF(request_good, change)

static void test_request(void **state)
{
	struct worker_request good = request_good();

	(void)state;
	assert_int_equal(packet_check_request(&good), 0);
	REFUSED(request.class = UPCALL_CLASS_COUNT);
	REFUSED(request.alone = 2);
	REFUSED(request.run_ms = 0);
	REFUSED(request.handler = 4);
	REFUSED(request.run_in = 2);
	REFUSED(request.leader = 0);
	REFUSED(request.leader = UINT32_MAX);
	REFUSED(request.own_ns = 0);
	REFUSED(request.own_ns |= 1u << UPCALL_NS_COUNT);
	REFUSED(request.own_ns |= 1u << UPCALL_NS_PID); /* without its number */
	REFUSED(request.cgroup_id = 0);
	REFUSED(request.cgroup[0] = '\0');
	REFUSED(strcpy(request.program, "bin/sh"));
	REFUSED(request.handler = WORKER_ANSWER_PROGRAM);
	REFUSED(request.handler = WORKER_ANSWER_DNS; strcpy(request.program, "/bin/sh"));
	REFUSED(request.handler = WORKER_ANSWER_DNS; request.class = UPCALL_CLASS_CORE);

	good.filter = 1;
	assert_int_equal(packet_check_request(&good), 0);
	REFUSED(request.filter = 2);
	REFUSED((request.filter = 1, request.run_in = WORKER_RUN_IN_HOST));
	REFUSED((request.filter = 1, request.handler = WORKER_ANSWER_DNS,
		 request.class = UPCALL_CLASS_KEY, request.program[0] = '\0'));

	good = visit_good();
	assert_int_equal(packet_check_request(&good), 0);
	REFUSED_OF(visit_good, request.class = UPCALL_CLASS_CORE);
	REFUSED_OF(visit_good, request.run_in = WORKER_RUN_IN_HOST);
	REFUSED_OF(visit_good, strcpy(request.program, "/bin/sh"));
	REFUSED_OF(visit_good, request.leader = 0);
	REFUSED_OF(visit_good, request.run_ms = 0);
}

static void packet_put(int socket, const void *data, size_t size, int fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))] = { 0 };
	struct iovec vector = { (void *)data, size };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (fds) {
		struct cmsghdr *header;

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE((size_t)fds * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN((size_t)fds * sizeof(int));
		for (int i = 0; i < fds; i++)
			memcpy(CMSG_DATA(header) + (size_t)i * sizeof(int), &(int){ 1 },
			       sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &message, 0), size);
}

/* The number that the next fd of this process will have. */
static int fd_next(void)
{
	int fd = dup(0), number = fd;

	close(fd);
	return number;
}

/* Whatever comes, no fd of a refused packet stays open. */
static void test_receive(void **state)
{
	struct worker_request good = request_good(), got;
	char large[sizeof(good) + 1] = { 0 };
	struct worker_fds fds_got = WORKER_FDS_NULL;
	int sockets[2], before;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), -EAGAIN);
	before = fd_next();
	memcpy(large, &good, sizeof(good));
	for (int fds = 0; fds <= 10; fds++) {
		if (fds == 2)
			continue;
		packet_put(sockets[1], &good, sizeof(good), fds);
		assert_int_equal(packet_receive(sockets[0], &got, &fds_got), -EBADMSG);
		assert_int_equal(fd_next(), before);
	}
	packet_put(sockets[1], large, sizeof(large), 2);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), -EBADMSG);
	packet_put(sockets[1], &good, sizeof(good) - 4, 2);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), -EBADMSG);
	assert_int_equal(fd_next(), before);
	assert_int_equal(fds_got.upcall, -1);

	packet_put(sockets[1], &good, sizeof(good), 2);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), 0);
	assert_memory_equal(&got, &good, sizeof(good));
	assert_true(fcntl(fds_got.upcall, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fds_got.pidfd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fds_got.channel, -1);
	assert_int_equal(fds_got.filter, -1);
	packet_fds_close(&fds_got);
	assert_int_equal(fd_next(), before);

	/* a filter is one more */
	good.filter = 1;
	packet_put(sockets[1], &good, sizeof(good), 2);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), -EBADMSG);
	packet_put(sockets[1], &good, sizeof(good), 3);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), 0);
	assert_int_equal(fds_got.channel, -1);
	assert_true(fcntl(fds_got.filter, F_GETFD) & FD_CLOEXEC);
	packet_fds_close(&fds_got);
	assert_int_equal(fd_next(), before);

	/* a visit has one more */
	good = visit_good();
	packet_put(sockets[1], &good, sizeof(good), 2);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), -EBADMSG);
	assert_int_equal(fd_next(), before);
	packet_put(sockets[1], &good, sizeof(good), 3);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), 0);
	assert_true(fcntl(fds_got.channel, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fds_got.filter, -1);
	packet_fds_close(&fds_got);
	/* and may have that, too */
	good.filter = 1;
	packet_put(sockets[1], &good, sizeof(good), 4);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), 0);
	assert_true(fds_got.channel >= 0 && fds_got.filter >= 0);
	packet_fds_close(&fds_got);
	assert_int_equal(fd_next(), before);
	close(sockets[1]);
	assert_int_equal(packet_receive(sockets[0], &got, &fds_got), -ECONNRESET);
	close(sockets[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_receive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
