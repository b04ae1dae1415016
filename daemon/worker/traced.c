// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * It is stopped for a moment, and goes on as if nothing had been, but for those system calls that
 * any stop ends with EINTR (epoll_wait(2) and a few more: signal(7)). So they are read once and
 * not for each upcall; its status says how many it has. Of who executes a program in another
 * thread than the first they may be others, and as many: whatever they are, the runtime's are
 * among them.
 *
 * ATTACK: to attach takes a lock that is held while a program is executed, also from a file system
 * that answers late or never; and who hangs in the kernel does not stop. So a child does it, and is
 * killed when its time is over. Its end, whichever, lets go of the leader, and if a signal has
 * stopped it, it gets that: nothing is undone by hand.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fds.h"
#include "leader.h"
#include "loop.h"
#include "spawn.h"
#include "tags.h"
#include "traced.h"

#define RETRY_MS 5000

/* All that Linux lets one process have: MAX_INSNS_PER_PATH, of which each filter is charged some. */
#define INSNS_MAX 32768

/* Shared with the child. */
struct shelf {
	size_t count;
	size_t used; /* instructions */
	size_t lengths[PROFILE_FILTERS_MAX];
	struct sock_filter code[INSNS_MAX];
};

/* --------------------------------------------------------------- the child */

/* RACE: a signal may stop it first. Who waits for that without WNOWAIT has taken it away. */
static int leader_stop(pid_t leader)
{
	siginfo_t info;

	if (ptrace(PTRACE_SEIZE, leader, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, leader, NULL, NULL) < 0 ||
	    waitid(P_PID, (id_t)leader, &info, WSTOPPED | WEXITED | WNOWAIT | __WALL) < 0)
		return -errno;
	return info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED ? 0 : -ESRCH;
}

/* The oldest is the first. 1: there are not so many. */
static int filter_copy(pid_t leader, struct shelf *shelf)
{
	long length = ptrace(PTRACE_SECCOMP_GET_FILTER, leader, shelf->count, NULL);

	if (length < 0)
		return errno == ENOENT ? 1 : -errno;
	if (shelf->count == PROFILE_FILTERS_MAX || (size_t)length > INSNS_MAX - shelf->used)
		return -E2BIG;
	if (ptrace(PTRACE_SECCOMP_GET_FILTER, leader, shelf->count, &shelf->code[shelf->used]) !=
	    length)
		return -EIO;
	shelf->lengths[shelf->count++] = (size_t)length;
	shelf->used += (size_t)length;
	return 0;
}

/*
 * ORDER: who it is when it stands. It cannot be reaped while we trace it, so its pid is its own
 * until we end; and no_new_privs, which lets anybody add a filter, goes with what is read.
 */
static int leader_verify(const struct worker_request *request, int upcall_fd,
			 const struct leader *leader)
{
	struct tags tags;
	int ret = leader_check(request, upcall_fd, &tags);

	if (ret < 0)
		return ret;
	return tags.helper.no_new_privs == leader->no_new_privs ? 0 : -EAGAIN;
}

static int leader_copy(const struct worker_request *request, int upcall_fd,
		       const struct leader *leader, struct shelf *shelf)
{
	const pid_t pid = (pid_t)request->leader;
	int *const kept[] = { &upcall_fd };
	int ret;

	/* also if the worker has died, whose fds are not to outlive it, and nobody waits for us */
	(void)alarm(TRACED_MS / 1000 + 1);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	ret = fds_close_others(0, kept, 1);
	if (ret == 0)
		ret = leader_stop(pid);
	if (ret == 0)
		ret = leader_verify(request, upcall_fd, leader);
	while (ret == 0)
		ret = filter_copy(pid, shelf);
	return ret > 0 ? 0 : ret;
}

/* -------------------------------------------------------------- the worker */

/* What it ended with, an errno; whoever is too late is killed. */
static int child_end(const struct process *process)
{
	struct pollfd end = { .fd = process->pidfd, .events = POLLIN };
	int64_t until = loop_now_ms() + TRACED_MS, left;
	int status, ended = 0;

	do {
		left = until - loop_now_ms();
		ended = poll(&end, 1, left > 0 ? (int)left : 0);
	} while (ended < 0 && left > 0);
	process_kill(process);
	if (waitpid(process->pid, &status, 0) < 0)
		return -errno;
	if (WIFSIGNALED(status))
		return ended > 0 ? -ECANCELED : -ETIMEDOUT;
	return -WEXITSTATUS(status);
}

static int shelf_read(const struct shelf *shelf, struct profile *ret)
{
	const struct sock_filter *code = shelf->code;
	int error = 0;

	for (size_t i = 0; i < shelf->count && error == 0; code += shelf->lengths[i++])
		error = profile_add(ret, code, shelf->lengths[i]);
	return error;
}

static int leader_trace(const struct worker_request *request, int upcall_fd,
			const struct leader *leader, struct shelf *shelf)
{
	struct process process = PROCESS_NULL;
	int ret = spawn(/* leaf_fd= */ -1, &BIRTHPLACE_OURS, &process);

	if (ret > 0)
		_exit(-leader_copy(request, upcall_fd, leader, shelf));
	if (ret < 0)
		return ret;
	ret = child_end(&process);
	close(process.pidfd);
	return ret;
}

static int traced_read(struct traced *traced, const struct worker_request *request, int upcall_fd,
		       const struct leader *leader)
{
	struct shelf *shelf = mmap(NULL, sizeof(*shelf), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (shelf == MAP_FAILED)
		return -errno;
	ret = leader_trace(request, upcall_fd, leader, shelf);
	if (ret == 0)
		ret = shelf_read(shelf, &traced->profile);
	(void)munmap(shelf, sizeof(*shelf));
	return ret;
}

bool traced_is_known(const struct traced *traced, const struct worker_request *request,
		     const struct leader *leader)
{
	if (traced->container != request->container || traced->start_time != request->start_time)
		return false;
	if (leader->filters != 0 && leader->filters == traced->filters &&
	    (traced->error == 0 || traced->error == -EBADMSG || traced->error == -E2BIG))
		return true;
	return traced->error < 0 && loop_now_ms() < traced->retry_ms;
}

void traced_forget(struct traced *traced)
{
	profile_clear(&traced->profile);
	*traced = (struct traced){ 0 };
}

int traced_profile(struct traced *traced, const struct worker_request *request, int upcall_fd,
		   const struct leader *leader, struct profile *ret)
{
	if (!traced_is_known(traced, request, leader)) {
		traced_forget(traced);
		traced->container = request->container;
		traced->start_time = request->start_time;
		traced->filters = leader->filters;
		traced->error = traced_read(traced, request, upcall_fd, leader);
		traced->retry_ms = loop_now_ms() + RETRY_MS;
	}
	return traced->error < 0 ? traced->error : profile_copy(&traced->profile, ret);
}
