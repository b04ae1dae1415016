// SPDX-License-Identifier: GPL-2.0-or-later
/* What users send is carried, and what they send besides costs nobody's time. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "users.h"

#define LINGER_SEC 5

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A TCP socket with bytes that its peer, *ret_peer, does not read: its last close(2) waits for
 * that. */
static int lingering_socket(int *ret_peer)
{
	static const char much[65536];
	const struct linger linger = { .l_onoff = 1, .l_linger = LINGER_SEC };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	cleanup_fd int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
	*ret_peer = accept(listener, NULL, NULL);
	assert_true(*ret_peer >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	while (send(fd, much, sizeof(much), MSG_DONTWAIT) > 0)
		;
	return fd;
}

/* Its own copy is closed: what is in flight is the last. Closing fd here waits for nothing, as it
 * is not. */
static void send_fd(int through, int fd)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					   .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	assert_int_equal(sendmsg(through, &message, 0), 1);
	close(fd);
}

static void test_receiving_does_not_linger(void **state)
{
	int ends[2], peers[3];
	double begun;
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	for (size_t i = 0; i < 3; i++)
		send_fd(ends[0], lingering_socket(&peers[i]));
	begun = now();
	assert_int_equal(linger_receive(ends[1], &byte, 1), -EPERM);
	/* those that were not received, too */
	linger_close(ends[1]);
	assert_true(now() - begun < LINGER_SEC / 2.);
	close(ends[0]);
	for (size_t i = 0; i < 3; i++)
		close(peers[i]);
}

static void make_pairs(int left[2], int right[2])
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

	assert_int_equal(socketpair(AF_UNIX, type, 0, left), 0);
	assert_int_equal(socketpair(AF_UNIX, type, 0, right), 0);
}

static bool is_over;

static void over(struct carry *carry)
{
	is_over = true;
	carry_stop(carry);
}

static void stop_waiting(struct ev_loop *loop, ev_timer *timer, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

static void run(struct ev_loop *loop, double seconds)
{
	ev_timer timer;

	ev_timer_init(&timer, stop_waiting, seconds, 0.);
	ev_timer_start(loop, &timer);
	ev_run(loop, 0);
	ev_timer_stop(loop, &timer);
}

/* As long as nobody takes it, no more is read. */
static void test_carry(void **state)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_NOENV);
	int left[2], right[2], small = 4096;
	size_t sent = 0, taken = 0;
	char bytes[1024] = "all";
	struct carry carry;
	ssize_t count;

	make_pairs(left, right);
	setsockopt(left[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(right[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	carry = (struct carry){ .from = left[1], .to = right[0], .foreign = true, .over = over };
	carry_start(&carry, loop);
	is_over = false;
	do {
		while ((count = send(left[0], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
			sent += (size_t)count;
		run(loop, 0.05);
	} while (send(left[0], bytes, 1, MSG_DONTWAIT) == 1 && ++sent);
	while (taken < sent) {
		count = recv(right[1], bytes, sizeof(bytes), MSG_DONTWAIT);
		if (count > 0)
			taken += (size_t)count;
		else
			run(loop, 0.05);
	}
	assert_int_equal(taken, sent);
	assert_false(is_over);
	close(left[0]);
	run(loop, 0.05);
	assert_true(is_over);
	close(left[1]);
	close(right[0]);
	close(right[1]);
}

static void test_carry_refuses_fds(void **state)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_NOENV);
	int left[2], right[2], peer;
	struct carry carry;
	char byte;

	make_pairs(left, right);
	carry = (struct carry){ .from = left[1], .to = right[0], .foreign = true, .over = over };
	carry_start(&carry, loop);
	is_over = false;
	send_fd(left[0], lingering_socket(&peer));
	run(loop, 0.05);
	assert_true(is_over);
	assert_int_equal(recv(right[1], &byte, 1, MSG_DONTWAIT), -1);
	close(peer);
	for (size_t i = 0; i < 2; i++) {
		close(left[i]);
		close(right[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receiving_does_not_linger),
		cmocka_unit_test(test_carry),
		cmocka_unit_test(test_carry_refuses_fds),
	};

	if (linger_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
