// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * fork(2) into a container
 *
 * A process of many threads cannot enter a user namespace, and who enters a pid
 * namespace is not in it himself. So the caller forks an intermediate process, which enters and
 * makes the first process as a child of the caller (CLONE_PARENT). That one waits until
 * the container's keeper knows it, and only then is anything of the program in it:
 *
 *	caller				intermediate		first process
 *	  fork ------------------------> waits
 *	  go ---------------------------> enters
 *	                                  clone ----------------> waits
 *	  <------------ pid, pidfd ------ is killed
 *	  pidfd to the keeper
 *	  go ----------------------------------------------------> reports to the keeper, waits
 *	  the keeper's answer
 *	  go ----------------------------------------------------> returns 0
 *
 * Whoever dies on the way, the others see the end of the channel, and nothing is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container-enter.h"
#include "libupcall-container.h"
#include "owned.h"
#include "packet.h"
#include "pidfd.h"

/* The keeper waits no longer for a first process, and we block all signals meanwhile. */
#define START_MS 5000

struct msg {
	int32_t error;
	int32_t pid;	/* of the first process, as its sender sees it */
	int32_t sender; /* the same of itself */
};

struct start {
	int keeper; /* socket that it has given us for this */
	int caller; /* channel's ends */
	int child;
	int self;		   /* pidfd of the caller */
	struct keeper_reply nsfds; /* what leads into the container */
	sigset_t mask;		   /* as it was */
};

static void start_clean(struct start *start)
{
	owned_fd_close(&start->keeper);
	owned_fd_close(&start->caller);
	owned_fd_close(&start->child);
	owned_fd_close(&start->self);
	keeper_reply_clean(&start->nsfds);
}

static int msg_send(int channel, int error, int pid, const int *pidfd)
{
	const struct msg msg = { error, pid, getpid() };

	return packet_send(channel, &msg, sizeof(msg), pidfd, pidfd ? 1 : 0);
}

/*
 * The caller's, without an fd, and with no error in it. RACE: his end of the channel may be open
 * when he is gone: another thread's fork has a copy of it.
 */
static int msg_receive(const struct start *start)
{
	struct pollfd pollers[] = {
		{ .fd = start->child, .events = POLLIN },
		{ .fd = start->self, .events = POLLIN },
	};
	struct msg msg;
	size_t none = 0;
	int r;

	while (poll(pollers, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	if (!pollers[0].revents)
		return -ESRCH;
	r = packet_receive(start->child, &msg, sizeof(msg), NULL, &none);
	return r < 0 ? r : msg.error;
}

/* ------------------------------------------------------------- intermediate */

/* What fork() would do for the C library in its child. */
struct thread_state {
	int *tid;	   /* where it keeps the thread's id; NULL: the kernel does not tell */
	void *robust_list; /* of mutexes */
	size_t robust_size;
};

static void thread_state_get(struct thread_state *state)
{
	if (prctl(PR_GET_TID_ADDRESS, &state->tid, 0, 0, 0) < 0)
		state->tid = NULL;
	if (syscall(SYS_get_robust_list, 0, &state->robust_list, &state->robust_size) < 0)
		state->robust_list = NULL;
}

/*
 * Its exit signal is ours, SIGCHLD, as its parent is ours. The memory is a copy, so it goes
 * on here like fork()'s child, which this process, that has but one thread, was just now.
 */
static pid_t clone_sibling(int *pidfd)
{
	struct thread_state state;
	struct clone_args args = {
		.flags = CLONE_PARENT | CLONE_PIDFD,
		.pidfd = (uintptr_t)pidfd,
	};
	long pid;

	thread_state_get(&state);
	if (state.tid) {
		args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
		args.child_tid = (uintptr_t)state.tid;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid && state.robust_list)
		syscall(SYS_set_robust_list, state.robust_list, state.robust_size);
	return (pid_t)(pid < 0 ? -errno : pid);
}

/*
 * That we are it, the keeper believes nobody but the kernel, who says who we are. ORDER: it has our
 * pidfd by then, or our pid could have been another's.
 */
static void be_first(const struct start *start)
{
	const struct keeper_request report = { KEEPER_PROTOCOL, KEEPER_FORK };

	if (msg_receive(start) < 0 ||
	    packet_send_now(start->keeper, &report, sizeof(report), NULL, 0) < 0 ||
	    msg_receive(start) < 0)
		_exit(1);
}

/* Returns in the first process only, once it may live. */
static void be_intermediate(struct start *start)
{
	int pidfd = -1;
	pid_t pid;
	int r;

	owned_fd_close(&start->caller);
	/* the caller has a pidfd of us now, or is gone */
	if (msg_receive(start) < 0)
		_exit(1);
	r = container_enter(&start->nsfds);
	if (r < 0) {
		(void)msg_send(start->child, r, 0, NULL);
		_exit(1);
	}
	pid = clone_sibling(&pidfd);
	if (!pid) {
		be_first(start);
		return;
	}
	(void)msg_send(start->child, pid < 0 ? pid : 0, pid, pid < 0 ? NULL : &pidfd);
	_exit(0);
}

/* ------------------------------------------------------------------- caller */

/* Nobody's exit status is lost: if the program has waited for it already, or ignores SIGCHLD. */
static void kill_and_reap(int pidfd)
{
	siginfo_t info;

	(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
}

/*
 * By its pid, where there is no fd for a pidfd. It waits for our message, so it is still that
 * process, unless the program has waited for it already, which that does for whom it does not know.
 */
static void kill_and_reap_pid(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/*
 * -EAGAIN: somebody killed the intermediate process, when the first process was there already, or
 * not. That one holds the same channel: it sees us close our end, and is a zombie for the
 * program to find, as we do not know it.
 */
static int msg_poll(int channel, int intermediate)
{
	struct pollfd pollers[] = {
		{ .fd = channel, .events = POLLIN },
		{ .fd = intermediate, .events = POLLIN },
	};
	int r;

	while ((r = poll(pollers, 2, START_MS)) < 0)
		if (errno != EINTR)
			return -errno;
	/* the container was frozen meanwhile, perhaps */
	if (!r)
		return -ETIMEDOUT;
	return pollers[0].revents & POLLIN ? 0 : -EAGAIN;
}

/*
 * The pid of the first process, and its pidfd, from the intermediate process. Who is in another pid
 * namespace than we are, where our children are made, sees another pid than we do.
 */
static pid_t first_receive(int channel, int intermediate_fd, pid_t intermediate, int *pidfd)
{
	struct msg msg;
	size_t count = 1;
	int r;

	r = msg_poll(channel, intermediate_fd);
	if (r < 0)
		return r;
	r = packet_receive(channel, &msg, sizeof(msg), pidfd, &count);
	if (r == -EMFILE && msg.pid > 0 && msg.sender == intermediate)
		kill_and_reap_pid(msg.pid);
	if (r < 0)
		return r == -ENOTCONN ? -EAGAIN : r;
	if (msg.error < 0)
		return msg.error;
	if (!count)
		return -EBADMSG;
	r = pidfd_to_pid(AT_FDCWD, "/proc/self/fdinfo", *pidfd);
	if (r < 0)
		kill_and_reap(*pidfd);
	return r;
}

static pid_t first_make(struct start *start, pid_t intermediate, int *pidfd)
{
	owned_fd int intermediate_fd = pidfd_open(intermediate, 0);
	pid_t pid;
	int r;

	/* it waits for our message, so it is still that process; without a pidfd, it gets none */
	if (intermediate_fd < 0) {
		r = -errno;
		kill_and_reap_pid(intermediate);
		return r;
	}
	r = msg_send(start->caller, 0, 0, NULL);
	pid = r < 0 ? r : first_receive(start->caller, intermediate_fd, intermediate, pidfd);
	/* it has nothing left to do but to end, which a freezer or a stop may keep it from */
	kill_and_reap(intermediate_fd);
	return pid;
}

/* ATTACK: a keeper that is not honest could have given a full socket; an honest one's is new. */
static int keeper_tell(const struct start *start, int pidfd)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	owned_reply struct keeper_reply reply = { 0 };
	int r;

	r = packet_send_now(start->keeper, &request, sizeof(request), &pidfd, 1);
	if (r == -EAGAIN)
		return -ETIMEDOUT;
	if (r >= 0)
		r = msg_send(start->caller, 0, 0, NULL);
	if (r >= 0)
		r = keeper_ask_next(start->keeper, &reply);
	return r == -EPIPE ? -ENOTCONN : r;
}

static pid_t be_caller(struct start *start, pid_t intermediate)
{
	owned_fd int pidfd = -1;
	pid_t pid;
	int r;

	/* ORDER: ours is the only one, or we would not see the other's end */
	owned_fd_close(&start->child);
	pid = first_make(start, intermediate, &pidfd);
	if (pid < 0)
		return pid;
	r = keeper_tell(start, pidfd);
	if (r >= 0)
		r = msg_send(start->caller, 0, 0, NULL);
	if (r < 0) {
		kill_and_reap(pidfd);
		return r;
	}
	return pid;
}

/* No handler of the program's runs in the intermediate process, or in the first one too early. */
static pid_t fork_blocked(struct start *start)
{
	sigset_t all;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &start->mask);
	pid = fork();
	if (pid < 0)
		pid = -errno;
	else if (!pid)
		be_intermediate(start);
	else
		pid = be_caller(start, pid);
	pthread_sigmask(SIG_SETMASK, &start->mask, NULL);
	return pid;
}

/*
 * The container's fd is copied first: if another thread closes it meanwhile, it is neither the
 * last one, nor another file under its number.
 */
static pid_t fork_into(int fd)
{
	const struct keeper_request request = { KEEPER_PROTOCOL, KEEPER_FORK };
	__attribute__((cleanup(start_clean))) struct start start = { -1, -1, -1, -1 };
	owned_fd int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int ends[2], r;

	if (own < 0)
		return -errno;
	r = keeper_ask(own, &request, -1, &start.nsfds);
	if (r < 0)
		return r;
	if (!start.nsfds.count)
		return -EBADMSG;
	start.keeper = owned_fd_give(&start.nsfds.fds[--start.nsfds.count]);
	if (!is_conversation(start.keeper))
		return -EBADMSG;
	r = conversation_open(ends);
	if (r < 0)
		return r;
	start.caller = ends[0];
	start.child = ends[1];
	start.self = pidfd_open(getpid(), 0);
	if (start.self < 0)
		return -errno;
	return fork_blocked(&start);
}

/* What runs in the container has no use for the fd: with it, it would have its creator's rights. */
UPCALL_EXPORT pid_t upcall_container_fork(int fd)
{
	pid_t pid = fork_into(fd);

	if (!pid)
		owned_fd_close(&fd);
	return pid;
}
