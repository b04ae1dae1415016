// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers of which somebody hangs, lies or dies. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "container-fixture.h"
#include "keeper-ask.h"
#include "libupcall-proposal.h"
#include "packet.h"

/* What is no request is answered by nothing, or refused, and ends nothing. */
static void body_junk(void)
{
	int fd = made(PID | KILL), ends[2];
	struct msghdr message = { 0 };
	char junk[5000] = "junk";

	require_equal(0, send(fd, junk, 0, 0));
	require_equal(0, sendmsg(fd, &message, 0));
	require_equal(4, send(fd, junk, 4, 0));
	require_equal(sizeof(junk), send(fd, junk, sizeof(junk), 0));
	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	require_equal(-ENOTTY, upcall_container_root(0));
	require_equal(-EBADF, upcall_container_fsmount(fd, 0, 0, 0) < 0 ? -EBADF : 0);
	require(upcall_container_root(fd) >= 0);
	close(fd);
}

static void test_junk(void **state)
{
	(void)state;
	as_user(body_junk);
}

/* Who shuts the socket down has ended it for all, and sets no keeper spinning. */
static void body_shutdown(void)
{
	int fd = made(PID | KILL);
	pid_t pid = lived_in(fd);

	require_equal(0, shutdown(fd, SHUT_WR));
	require_exits(pid, -1);
	close(fd);
}

static void test_shutdown(void **state)
{
	(void)state;
	as_user(body_shutdown);
}

/* A first process would be frozen before it is one, and its caller with it. */
static void body_fork_frozen(void)
{
	pid_t pid;
	int fd;

	if (!have_cgroup())
		return;
	fd = made(PID | KILL);
	require_equal(0, upcall_container_freeze(fd, SOON));
	require_equal(-EBUSY, upcall_container_fork(fd));
	require_equal(0, upcall_container_thaw(fd, SOON));
	pid = lived_in(fd);
	close(fd);
	require_exits(pid, -1);
}

static void test_fork_frozen(void **state)
{
	(void)state;
	as_user(body_fork_frozen);
}

/* A file system of the container whose owner does not answer: who asks waits, the keeper does not. */
static void body_fuse(void)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), fd, root, tree, other;
	pid_t pid, asker;
	char options[128];

	if (fuse < 0)
		return;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	require_equal(0, unshare(CLONE_NEWNS));
	require_equal(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	require_equal(0, mount("fuse", "/mnt", "fuse", 0, options));
	tree = open_tree(AT_FDCWD, "/mnt", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	other = open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	fd = made(EMPTY | PID | KILL);
	root = upcall_container_root(fd);
	mkdir_in(root, "fuse");
	mkdir_in(root, "proc");
	require_equal(0, upcall_container_move_mount(fd, tree, "/fuse"));
	pid = lived_in(fd);
	asker = fork();
	if (!asker) {
		(void)upcall_container_move_mount(fd, tree, "/fuse/below");
		_exit(0);
	}
	/* not before that one waits */
	require_equal(0, waitpid(asker, NULL, WNOHANG));
	usleep(100000);
	require(upcall_container_root(fd) >= 0);
	require_equal(0, upcall_container_move_mount(fd, other, "/proc"));
	require_equal(0, faccessat(upcall_container_root(fd), "proc/self", F_OK, 0));
	kill(asker, SIGKILL);
	require_exits(asker, -1);
	close(fd);
	require_exits(pid, -1);
	close(fuse);
}

static void test_fuse(void **state)
{
	(void)state;
	as_root(body_fuse);
}

/* Behind an fd that looks like a container's, or whose keeper is stopped, is nobody who answers. */
static void body_no_answer(void)
{
	char junk[1000] = "junk";
	int ends[2], full[2];
	pid_t pid;

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, full));
	while (send(full[0], junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	pid = fork();
	if (!pid)
		_exit(upcall_container_root(full[0]) == -ETIMEDOUT ? 0 : 1);
	require_equal(-ETIMEDOUT, upcall_container_wait(ends[0], -1));
	require_exits(pid, 0);
}

static void test_no_answer(void **state)
{
	(void)state;
	as_user(body_no_answer);
}

/* As a keeper that lies: what it gives for a fork leads nowhere, but to a socket of its choice. */
static _Noreturn void lie(int container, int socket)
{
	for (;;) {
		const struct keeper_answer answer = { 0 };
		struct keeper_request request;
		int conversation = -1;
		size_t count = 1;

		if (packet_receive(container, &request, sizeof(request), &conversation, &count) < 0)
			_exit(0);
		(void)packet_send(conversation, &answer, sizeof(answer), &socket, 1);
		close(conversation);
	}
}

static void fill(int socket)
{
	static const char junk[1000] = "junk";

	while (send(socket, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	require_equal(EAGAIN, errno);
}

/* Whom a keeper that lies gives a full socket does not wait there for ever, with signals blocked. */
static void require_fork_fails(int expected, int type)
{
	int container[2], full[2];
	struct pollfd poller = { .events = POLLIN };
	pid_t liar, caller;

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, container));
	require(!socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, full));
	fill(full[0]);
	liar = fork();
	if (!liar)
		lie(container[1], full[0]);
	close(container[1]);
	caller = fork();
	if (!caller)
		_exit(-upcall_container_fork(container[0]));
	poller.fd = pidfd_open(caller, 0);
	if (!poll(&poller, 1, SOON / 2))
		require_equal(0, kill(caller, SIGKILL));
	require_exits(caller, -expected);
	close(container[0]);
	require_equal(0, kill(liar, SIGKILL));
	require_exits(liar, -1);
}

static void body_fork_lied(void)
{
	require_fork_fails(-ETIMEDOUT, SOCK_SEQPACKET);
	require_fork_fails(-EBADMSG, SOCK_STREAM);
}

static void test_fork_lied(void **state)
{
	(void)state;
	as_user(body_fork_lied);
}

static int fork_holder[2]; /* a pipe; 0: none is wanted */

/* As another thread that forks just now: its child has all fds of the fork. Then we are killed. */
static void fork_and_die(void)
{
	pid_t pid;

	if (!fork_holder[1])
		return;
	pid = _Fork();
	if (!pid) {
		sleep(3);
		_exit(0);
	}
	require_equal(sizeof(pid), write(fork_holder[1], &pid, sizeof(pid)));
	raise(SIGKILL);
}

/* The intermediate process sees that the caller is gone, whoever else has the channel. */
static void body_caller_dies(void)
{
	int fd = made(PID | KILL);
	pid_t pid, holder, first;

	require(!pipe2(fork_holder, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		require(!pthread_atfork(NULL, fork_and_die, NULL));
		(void)upcall_container_fork(fd);
		_exit(0);
	}
	require_exits(pid, -1);
	require_equal(sizeof(holder), read(fork_holder[0], &holder, sizeof(holder)));
	first = waitpid(-1, NULL, 0);
	require(first > 0 && first != holder);
	close(fd);
}

static void test_caller_dies(void **state)
{
	(void)state;
	as_user(body_caller_dies);
}

/* From now on nobody of us ends by exit_group(2): it waits for an answer that does not come. */
static void exits_hang(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	require_equal(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	require(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			&program) >= 0);
}

/* The intermediate process is stopped when all that it does is end: nobody waits for that. */
static void body_intermediate_stopped(void)
{
	struct pollfd poller = { .events = POLLIN };
	int fd = made(PID | KILL), told[2];
	pid_t caller, first;

	require(!pipe2(told, O_CLOEXEC));
	poller.fd = told[0];
	caller = fork();
	if (!caller) {
		exits_hang();
		first = upcall_container_fork(fd);
		if (first)
			(void)!write(told[1], &first, sizeof(first));
		for (;;)
			pause();
	}
	/* ends before the test is given up */
	require_equal(1, poll(&poller, 1, SOON / 2));
	require_equal(sizeof(first), read(told[0], &first, sizeof(first)));
	require(first > 0 || (errno = -first, false));
	require_equal(0, kill(caller, SIGKILL));
	require_exits(caller, -1);
	close(fd);
	require_exits(first, -1);
}

static void test_intermediate_stopped(void **state)
{
	(void)state;
	as_user(body_intermediate_stopped);
}

/* A page that whoever touches it waits for, for ever. NULL: the kernel has none, or not for us. */
static void *stuck_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	int fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	range.range = (struct uffdio_range){ (uintptr_t)page, size };
	if (fault < 0 || page == MAP_FAILED || ioctl(fault, UFFDIO_API, &api) < 0 ||
	    ioctl(fault, UFFDIO_REGISTER, &range) < 0)
		return NULL;
	return page;
}

/* Somebody who is stuck in a call of a socket, and has it locked. */
static pid_t stuck_in(int socket, bool receives)
{
	pid_t pid = fork();
	void *page;

	if (pid)
		return pid;
	page = stuck_page();
	if (!page)
		_exit(0);
	if (receives)
		(void)recv(socket, page, 1, 0);
	else
		(void)send(socket, page, 1, 0);
	_exit(1);
}

/* False: it is gone, as the kernel has no such pages, or does not say where it is. */
static bool is_stuck(pid_t pid)
{
	char path[64], text[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	for (int i = 0; i < 1000; i++) {
		if (waitpid(pid, NULL, WNOHANG))
			return false;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (n > 0 && (text[n] = '\0', strstr(text, "userfault")))
			return true;
		usleep(10000);
	}
	require_equal(0, kill(pid, SIGKILL));
	return false;
}

/* Who is stuck in the socket that he gave the keeper does not have it stuck there, too. */
static void body_stuck_receiver(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	int fd = made(PID | KILL), ends[2], root;
	struct keeper_reply reply;
	pid_t pid;

	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	require_equal(0, packet_send(ends[0], &request, sizeof(request), NULL, 0));
	pid = stuck_in(ends[1], true);
	if (!is_stuck(pid)) {
		close(fd);
		return;
	}
	require_equal(0, packet_send(fd, &request, sizeof(request), &ends[1], 1));
	require_equal(0, keeper_ask_next(ends[0], &reply));
	require_equal(0, packet_send(ends[0], &request, sizeof(request), NULL, 0));
	root = upcall_container_root(fd);
	require(root >= 0 || (errno = -root, false));
	require_equal(0, kill(pid, SIGKILL));
	close(fd);
}

static void test_stuck_receiver(void **state)
{
	(void)state;
	as_root(body_stuck_receiver);
}

static void body_stuck_sender(void)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_INFO };
	int fd = made(PID | KILL), listener, tcp, root;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t size = sizeof(address);
	pid_t pid;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require_equal(0, listen(listener, 1));
	require_equal(0, getsockname(listener, (struct sockaddr *)&address, &size));
	require_equal(0, connect(tcp, (struct sockaddr *)&address, size));
	pid = stuck_in(tcp, false);
	if (!is_stuck(pid)) {
		close(fd);
		return;
	}
	require_equal(0, packet_send(fd, &request, sizeof(request), &tcp, 1));
	root = upcall_container_root(fd);
	require(root >= 0 || (errno = -root, false));
	require_equal(0, kill(pid, SIGKILL));
	close(fd);
}

static void test_stuck_sender(void **state)
{
	(void)state;
	as_root(body_stuck_sender);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_junk),	       cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_fork_frozen),    cmocka_unit_test(test_fuse),
		cmocka_unit_test(test_no_answer),      cmocka_unit_test(test_fork_lied),
		cmocka_unit_test(test_caller_dies),    cmocka_unit_test(test_intermediate_stopped),
		cmocka_unit_test(test_stuck_receiver), cmocka_unit_test(test_stuck_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
