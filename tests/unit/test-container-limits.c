// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers where there is little: fds, room, depth. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "container-fixture.h"
#include "keeper-ask.h"
#include "libupcall-proposal.h"
#include "packet.h"

#ifndef SO_PASSPIDFD /* Linux 6.5 */
#define SO_PASSPIDFD 76
#endif

static void on_child(int number)
{
	int error = errno;

	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = error;
}

/* A program that waits for whatever ends, or for nothing. */
static void body_reaped(void)
{
	struct sigaction action = { .sa_handler = on_child };
	int fd;

	require(!sigaction(SIGCHLD, &action, NULL));
	for (int i = 0; i < 2; i++) {
		fd = made(PID | KILL);
		lived_in(fd);
		require_equal(-EALREADY, upcall_container_fork(fd));
		close(fd);
		signal(SIGCHLD, SIG_IGN);
	}
}

static void test_reaped(void **state)
{
	(void)state;
	as_user(body_reaped);
}

/* None of its fds is one more after what failed, and what succeeded. */
static unsigned int fds_open(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void body_fds(void)
{
	unsigned int before = fds_open();
	struct upcall_member **members;
	int fd = made(PID | KILL | EMPTY);
	pid_t pid;

	require_equal(before + 1, fds_open());
	close(upcall_container_root(fd));
	require(upcall_container_move_mount(fd, 0, "/") < 0);
	pid = upcall_container_fork(fd);
	if (!pid)
		_exit(fds_open() == before ? 0 : 1);
	require_exits(pid, 0);
	require_equal(-EALREADY, upcall_container_fork(fd));
	if (!upcall_container_members(fd, &members))
		upcall_members_free(members);
	(void)upcall_container_wait(fd, SOON);
	require_equal(before + 1, fds_open());
	close(fd);
}

static void test_fds(void **state)
{
	(void)state;
	as_user(body_fds);
}

/* Where the keeper's answer has no room, it is the asker's loss: others are answered. */
static void body_full(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_INFO };
	char junk[1000] = "junk";
	int fd = made(PID | KILL), ends[2];

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	while (send(ends[0], junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	require_equal(0, packet_send(fd, &request, sizeof(request), ends, 1));
	require(upcall_container_root(fd) >= 0);
	close(fd);
}

static void test_full(void **state)
{
	(void)state;
	as_user(body_full);
}

/* Who begins a fork and leaves it at that keeps others from it for some seconds only. */
static void body_fork_left(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	int fd = made(PID | KILL), other = made(PID | KILL), conversation;
	struct keeper_reply reply;
	pid_t pid;

	conversation = fork_asked(fd, &reply);
	keeper_reply_clean(&reply);
	/* and if he gave the container's fd itself, the keeper would keep that open */
	require_equal(0, packet_send(other, &request, sizeof(request), &other, 1));
	require_equal(-EBUSY, upcall_container_fork(fd));
	close(other);
	while ((pid = upcall_container_fork(fd)) == -EBUSY)
		usleep(100000);
	if (!pid)
		stay();
	require(pid > 0);
	close(fd);
	require_exits(pid, -1);
	close(conversation);
}

static void test_fork_left(void **state)
{
	(void)state;
	as_user(body_fork_left);
}

static void cgroups_below(int dir, int depth)
{
	int below;

	if (!depth)
		return;
	require_equal(0, mkdirat(dir, "a", 0755));
	require_equal(0, mkdirat(dir, "b", 0755));
	/* that has one, too */
	require_equal(0, mkdirat(dir, "b/c", 0755));
	below = openat(dir, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(below >= 0);
	cgroups_below(below, depth - 1);
	close(below);
}

/* However deep they are in which it hides: its cgroup goes, and so does the keeper. */
static void body_deep(void)
{
	pid_t pid;
	int fd;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	cgroups_below(upcall_container_cgroup(fd), 40);
	pid = lived_in(fd);
	close(fd);
	require_exits(pid, -1);
}

static void test_deep(void **state)
{
	(void)state;
	as_user(body_deep);
}

/* However few fds are left, a fork that fails leaves nobody to be waited for. */
static void body_few_fds(void)
{
	int fd = made(PID | KILL), used = dup(0);
	struct rlimit all, few;
	pid_t pid = -1;

	close(used);
	require_equal(0, getrlimit(RLIMIT_NOFILE, &all));
	few = all;
	for (int more = 0; pid < 0; more++) {
		require(more < 40);
		few.rlim_cur = (rlim_t)(used + more);
		require_equal(0, setrlimit(RLIMIT_NOFILE, &few));
		pid = upcall_container_fork(fd);
		if (!pid)
			_exit(0);
		require_equal(0, setrlimit(RLIMIT_NOFILE, &all));
		if (pid > 0)
			break;
		/* whoever is about to end: and the keeper, a child of ours here, lives */
		usleep(50000);
		require_equal(0, waitpid(-1, NULL, WNOHANG));
	}
	require_exits(pid, 0);
	close(fd);
}

static void test_few_fds(void **state)
{
	(void)state;
	as_root(body_few_fds);
}

static void test_few_fds_user(void **state)
{
	(void)state;
	as_user_without_cgroup(body_few_fds);
}

/* With what the kernel says of who answers. */
static pid_t keeper_of(int fd)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_INFO };
	const int on = 1;
	int ends[2], fds[KEEPER_FDS];
	struct keeper_answer answer;
	struct packet packet = { &answer, sizeof(answer), fds, KEEPER_FDS };
	struct pollfd poller = { .events = POLLIN };

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	require_equal(0, setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	require_equal(0, packet_send(fd, &request, sizeof(request), &ends[1], 1));
	poller.fd = ends[0];
	require_equal(1, poll(&poller, 1, SOON / 2));
	require_equal(0, packet_receive_now(ends[0], &packet));
	packet_close_fds(fds, packet.count);
	packet_close_fds(ends, 2);
	return packet.sender;
}

/* ms of a processor that somebody has had. */
static long long processor_ms(pid_t pid)
{
	struct timespec time;
	clockid_t clock;

	require_equal(0, clock_getcpuclockid(pid, &clock));
	require_equal(0, clock_gettime(clock, &time));
	return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A keeper has room for what it does: else there is none, or it does nothing for a while. */
static void body_keeper_few_fds(void)
{
	struct rlimit all, few;
	long long before;
	pid_t keeper;
	int fd;

	require_equal(0, getrlimit(RLIMIT_NOFILE, &all));
	few = (struct rlimit){ 63, all.rlim_max };
	require_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	require_equal(-EMFILE, upcall_container_create("test", PID | KILL | USER, NULL));
	few.rlim_cur = 64;
	require_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	fd = made(PID | KILL);
	keeper = keeper_of(fd);
	require(keeper > 0);
	few.rlim_cur = 4;
	require_equal(0, prlimit(keeper, RLIMIT_NOFILE, &few, NULL));
	/* it has begun to wait before that */
	require(upcall_container_root(fd) < 0);
	before = processor_ms(keeper);
	sleep(1);
	require(processor_ms(keeper) - before < 100);
	require_equal(0, prlimit(keeper, RLIMIT_NOFILE, &all, NULL));
	require(upcall_container_root(fd) >= 0);
	close(fd);
}

static void test_keeper_few_fds(void **state)
{
	(void)state;
	as_user(body_keeper_few_fds);
}

/* Who hides where it is not looked is not left out without a word. */
static void body_members_deep(void)
{
	struct upcall_member **members;
	int fd, dir;
	pid_t pid;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	dir = upcall_container_cgroup(fd);
	pid = lived_in(fd);
	cgroups_below(dir, 30);
	require_equal(0, upcall_container_members(fd, &members));
	require(members[0]->pid == pid && !members[1]);
	upcall_members_free(members);
	require_equal(0, mkdirat(dir, "deep", 0755));
	dir = openat(dir, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cgroups_below(dir, 40);
	require_equal(-ELOOP, upcall_container_members(fd, &members));
	close(fd);
	require_exits(pid, -1);
}

static void test_members_deep(void **state)
{
	(void)state;
	as_user(body_members_deep);
}

/* As many fds as the kernel sends at once: none of them is ours, nor is what lies behind ours. */
static void body_many_fds(void)
{
	static const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_INFO };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * 253)];
	} control = { 0 };
	struct iovec vector = { (void *)&request, sizeof(request) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control };
	int fd = made(PID | KILL), some[253];

	for (size_t i = 0; i < 253; i++)
		some[i] = fd;
	for (size_t count = 1; count <= 253; count++) {
		int root;

		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.header), some, sizeof(int) * count);
		require_equal(sizeof(request), sendmsg(fd, &message, MSG_NOSIGNAL));
		/* it has had them, and lives */
		root = upcall_container_root(fd);
		require(root >= 0 || (errno = -root, false));
		close(root);
	}
	close(fd);
}

static void test_many_fds(void **state)
{
	(void)state;
	as_user(body_many_fds);
}

/* Who has the kernel send pidfds of himself along leaves none of them with the keeper. */
static void body_pidfds_along(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	struct rlimit all, few;
	const int on = 1;
	int fd;

	require_equal(0, getrlimit(RLIMIT_NOFILE, &all));
	few = (struct rlimit){ 64, all.rlim_max };
	/* the keeper's, too */
	require_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	fd = made(PID | KILL);
	for (int i = 0; i < 80; i++) {
		struct keeper_reply reply;
		int ends[2];

		require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
		/* before Linux 6.5 there are none */
		if (setsockopt(ends[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) < 0)
			break;
		require_equal(0, packet_send(fd, &request, sizeof(request), &ends[1], 1));
		require_equal(0, keeper_ask_next(ends[0], &reply));
		keeper_reply_clean(&reply);
		require_equal(0, packet_send(ends[0], &request, sizeof(request), NULL, 0));
		close(ends[0]);
		close(ends[1]);
		while (upcall_container_keyring(fd) == -EBUSY)
			;
	}
	close(fd);
}

static void test_pidfds_along(void **state)
{
	(void)state;
	as_user(body_pidfds_along);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reaped),	     cmocka_unit_test(test_fds),
		cmocka_unit_test(test_full),	     cmocka_unit_test(test_fork_left),
		cmocka_unit_test(test_deep),	     cmocka_unit_test(test_few_fds),
		cmocka_unit_test(test_few_fds_user), cmocka_unit_test(test_keeper_few_fds),
		cmocka_unit_test(test_members_deep), cmocka_unit_test(test_many_fds),
		cmocka_unit_test(test_pidfds_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
