// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Entering a container
 *
 * One table, run in its order, each line's failure ending in "nothing ran". The
 * child starts as a copy of the worker in the leaf cgroup, with all of the
 * host's credentials.
 *
 * Where the container has a user namespace, it starts in the container's pid
 * namespace too: it is not dumpable and its memory is the host's, so no
 * capability inside opens it. What /proc tells everybody about it, mounts and
 * sockets, are the container's own from its birth.
 *
 * Where there is none, CAP_SYS_PTRACE inside would be enough (SIGSTOP to the pid
 * that comes next, then /proc/PID/root): there the child stays in the host's pid
 * namespace, unseen, and when it has given away all that is the host's, it forks
 * a sibling, born inside, and ends; the sibling goes on where it was.
 *
 * Until the last line nothing opens a file by name that the container could have
 * placed: there is no NSS, no PATH, no locale, no loader (CVE-2019-14271).
 *
 *  - What the host has to give is opened first and moved out of the way.
 *  - Groups go while the host's CAP_SETGID is there: some user namespaces forbid it.
 *  - One setns() for all namespaces: either all are joined or none.
 *  - Joined is believed when the shim says so, not when the call returned.
 *  - The container's own filter is applied where its runtime has to do it, too.
 *  - A program of ours has its filter before anybody inside can see who executes it.
 *  - ATTACH comes when the child is what the handler will be, because the
 *    credentials of that moment are what the upcall's set-up is added to.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "become.h"
#include "enter.h"
#include "fault.h"
#include "fds.h"
#include "filter.h"
#include "report.h"
#include "shim-fd.h"
#include "spawn.h"

#define EXIT_EXEC_FAILED 127
#define PIDFD_OF_CORE	 3 /* COREDUMP_PIDFD_NUMBER */

/* In which cases a step is run. */
enum step_when {
	WHEN_ALWAYS = 0,
	WHEN_CONTAINER,
	WHEN_SIBLING,
	WHEN_ATTACHING,
	WHEN_ANSWERING,
	WHEN_VISITING,
	WHEN_OURS,
	WHEN_FILTERED_WITH_POWER,
	WHEN_FILTERED_UNSEEN,
	WHEN_FILTERED_LAST,
};

struct step {
	enum worker_step step;
	enum step_when when;
	int (*run)(struct enter *enter);
};

static bool enter_attaches(const struct enter *enter)
{
	return enter->request->handler == WORKER_BECOME;
}

static bool joins(const struct worker_request *request, int ns)
{
	return request->run_in == WORKER_RUN_IN_CONTAINER && request->own_ns & (1u << ns);
}

bool enter_has_sibling(const struct worker_request *request)
{
	return joins(request, UPCALL_NS_PID) && !joins(request, UPCALL_NS_USER);
}

bool enter_is_cut_by_attach(const struct enter *enter)
{
	return enter_attaches(enter) && joins(enter->request, UPCALL_NS_USER);
}

static bool enter_is_core(const struct enter *enter)
{
	return enter->request->class == UPCALL_CLASS_CORE;
}

static int host_limits(struct enter *enter)
{
	(void)enter;
	/* it tells nobody if a filter refuses it */
	umask(022);
	errno = 0;
	if (getpriority(PRIO_PROCESS, 0) != 0 && setpriority(PRIO_PROCESS, 0, 0) < 0)
		return -errno;
	return 0;
}

/*
 * It acts on whoever opened it, so it is looked up in the host's /proc, and not in
 * what is mounted there inside (CVE-2019-16884): the child may be born there.
 */
static int label_open(struct enter *enter)
{
	const char *path = enter->leader.label_kind == LABEL_APPARMOR ? "self/attr/apparmor/exec" :
									"self/attr/exec";

	if (enter->leader.label_kind == LABEL_NONE)
		return 0;
	enter->label_fd = openat(enter->proc_fd, path, O_WRONLY | O_CLOEXEC);
	return enter->label_fd < 0 ? -errno : 0;
}

static int stdio_set(const struct enter *enter)
{
	int in = enter->in_fd >= 0 ? enter->in_fd : enter->null_fd;
	int out = enter->out_fd >= 0 ? enter->out_fd : enter->null_fd;
	int err = enter->err_fd >= 0 ? enter->err_fd : enter->null_fd;

	/* a core dump's pipe is put at 0, and wants to find nothing there */
	if (!enter_is_core(enter) && dup2(in, 0) < 0)
		return -errno;
	if (dup2(out, 1) < 0 || dup2(err, 2) < 0)
		return -errno;
	return 0;
}

static int fds_prepare(struct enter *enter)
{
	int *const kept[] = { &enter->upcall_fd, &enter->pidfd,	  &enter->leader.root_fd,
			      &enter->null_fd,	 &enter->in_fd,	  &enter->out_fd,
			      &enter->err_fd,	 &enter->exec_fd, &enter->label_fd,
			      &enter->report_fd };
	const size_t count = sizeof(kept) / sizeof(kept[0]);
	int ret;

	ret = fds_lift(kept, count);
	if (ret == 0)
		ret = fds_close_others(0, kept, count);
	return ret < 0 ? ret : stdio_set(enter);
}

static int groups_clear(struct enter *enter)
{
	(void)enter;
	return setgroups(0, NULL) < 0 ? -errno : 0;
}

static int namespace_flags(uint32_t own_ns)
{
	static const int flags[UPCALL_NS_COUNT] = {
		/* not the caller's, but that of whom it forks */
		[UPCALL_NS_PID] = CLONE_NEWPID,	      [UPCALL_NS_MNT] = CLONE_NEWNS,
		[UPCALL_NS_NET] = CLONE_NEWNET,	      [UPCALL_NS_USER] = CLONE_NEWUSER,
		[UPCALL_NS_UTS] = CLONE_NEWUTS,	      [UPCALL_NS_IPC] = CLONE_NEWIPC,
		[UPCALL_NS_CGROUP] = CLONE_NEWCGROUP, [UPCALL_NS_TIME] = CLONE_NEWTIME,
	};
	int joined = 0;

	for (int i = 0; i < UPCALL_NS_COUNT; i++)
		if (own_ns & (1u << i))
			joined |= flags[i];
	return joined;
}

int enter_birthplace(const struct worker_request *request)
{
	if (!joins(request, UPCALL_NS_PID) || !joins(request, UPCALL_NS_USER))
		return 0;
	return namespace_flags(request->own_ns) & (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET);
}

static int namespaces_join(struct enter *enter)
{
	int flags = namespace_flags(enter->request->own_ns) & ~enter_birthplace(enter->request);
	int ret;

	ret = flags && setns(enter->pidfd, flags) < 0 ? -errno : 0;
	close(enter->pidfd);
	enter->pidfd = -1;
	return ret < 0 ? ret : become_undumpable();
}

/* Where the kernel says we are, as to these namespaces. Partly joined is not joined. */
static int place_check(const struct enter *enter, uint32_t own_ns)
{
	const struct worker_request *request = enter->request;
	struct tags tags;
	int ret = shim_tags(enter->upcall_fd, 0, &tags);

	if (ret < 0)
		return ret;
	if (tags.cgroup_id != enter->leaf_inode)
		return -EKEYREJECTED;
	if (request->run_in == WORKER_RUN_IN_HOST)
		return 0;
	for (int i = 0; i < UPCALL_NS_COUNT; i++)
		if (own_ns & (1u << i) && tags.ns[i] != request->ns[i])
			return -EKEYREJECTED;
	if (own_ns & (1u << UPCALL_NS_NET) && tags.net_cookie != request->net_cookie)
		return -EKEYREJECTED;
	return 0;
}

static int place_verify(struct enter *enter)
{
	uint32_t not_yet = enter_has_sibling(enter->request) ? 1u << UPCALL_NS_PID : 0;

	return place_check(enter, enter->request->own_ns & ~not_yet);
}

static int birthplace_verify(struct enter *enter)
{
	return place_check(enter, enter->request->own_ns);
}

/* Verified, it has no use for a program that only prints: the answer is the host's to give. */
static int upcall_fd_drop(struct enter *enter)
{
	close(enter->upcall_fd);
	enter->upcall_fd = -1;
	return 0;
}

static int root_change(struct enter *enter)
{
	if (fchdir(enter->leader.root_fd) < 0 || chroot(".") < 0)
		return -errno;
	close(enter->leader.root_fd);
	enter->leader.root_fd = -1;
	return 0;
}

/* A working directory outside of the root is a way out (CVE-2024-21626). */
static int directory_change(struct enter *enter)
{
	(void)enter;
	return chdir("/") < 0 ? -errno : 0;
}

/* Of a program of ours, which runs without the container's filter: its own. */
static int ours_filter(struct enter *enter)
{
	return filter_apply(enter->request->handler);
}

/*
 * Without no_new_privs it needs CAP_SYS_ADMIN, which the ids may take away: then all that follows
 * is under it. Its author had to allow as much to the runtime. What it refuses fails, and cannot
 * seem to have been done: see seccomp-code.c. With no_new_privs it is the last that can be.
 *
 * ATTACK: but not of a sibling, which who has CAP_SYS_PTRACE inside can take as soon as it is
 * born: the container would have one without its filter.
 */
static int container_filter(struct enter *enter)
{
	int ret = profile_apply(enter->profile);

	/*
	 * ATTACK: who cannot report has nothing to go on for, nobody would know of its sibling. A
	 * filter sees how much is written, so it is a report as any other.
	 */
	if (ret == 0 && report_send(enter->report_fd, REPORT_FILTERED, WORKER_STEP_SECCOMP, 0) < 0)
		_exit(EXIT_EXEC_FAILED);
	return ret;
}

/*
 * What it inherits is what the container may take: its own credentials and
 * root, and of the worker only the upcall, that has the shim's limits.
 */
static int sibling_bear(struct enter *enter)
{
	pid_t pid;
	int ret = spawn_sibling(&pid);

	if (ret > 0)
		return 0;
	if (ret < 0)
		return ret;
	ret = report_send(enter->report_fd, REPORT_BORN, WORKER_STEP_PIDNS, pid);
	_exit(ret < 0 ? EXIT_EXEC_FAILED : 0);
}

/*
 * Of its own: no terminal to inject input into (CVE-2017-5226). ATTACK: who bears one that a
 * container sees begins one before, too: who catches that at birth could have it signal all of the
 * process group that it is born into, which was the worker's.
 */
static int session_begin(struct enter *enter)
{
	(void)enter;
	return setsid() < 0 ? -errno : 0;
}

static int upcall_attach(struct enter *enter)
{
	int ret = shim_attach(enter->upcall_fd, enter->leader.capabilities);

	if (ret < 0)
		return ret;
	/* new credentials were committed */
	ret = report_send(enter->report_fd, REPORT_ATTACHED, WORKER_STEP_ATTACH, 0);
	return ret < 0 ? ret : become_undumpable();
}

/*
 * Really closed, not left to exec: there was a time when exec made a process
 * visible before it closed its files (CVE-2016-9962). The report's pipe stays,
 * to tell of exec itself.
 */
static int fds_finish(struct enter *enter)
{
	int *const kept[] = { &enter->exec_fd, &enter->report_fd };
	int first = enter_is_core(enter) && enter_attaches(enter) ? PIDFD_OF_CORE + 1 : 3;

	/* a filter may refuse to tell */
	if (fcntl(0, F_GETFD) < 0 && (errno != EBADF || dup2(enter->null_fd, 0) < 0))
		return -errno;
	return fds_close_others(first, kept, sizeof(kept) / sizeof(kept[0]));
}

/* What a visitor runs may not outlive the worker, that tells him of its end. */
static int visit_begin(struct enter *enter)
{
	/* ORDER: a worker that has died before this is missed by the next line */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return report_send(enter->report_fd, REPORT_ENTERED, WORKER_STEP_EXEC, 0);
}

static int program_execute(struct enter *enter)
{
	const struct command *command = enter->command;
	char *const *argv = (char *const *)command->argv;
	char *const *envp = (char *const *)command->envp;

	if (enter->exec_fd >= 0)
		(void)syscall(SYS_execveat, enter->exec_fd, "", argv, envp, AT_EMPTY_PATH);
	else
		(void)execve(command->path, argv, envp);
	return -errno;
}

static const struct step steps[] = {
	{ WORKER_STEP_LIMITS, WHEN_ALWAYS, host_limits },
	{ WORKER_STEP_LIMITS, WHEN_SIBLING, session_begin },
	{ WORKER_STEP_LABEL, WHEN_CONTAINER, label_open },
	{ WORKER_STEP_FDS, WHEN_ALWAYS, fds_prepare },
	{ WORKER_STEP_GROUPS, WHEN_ALWAYS, groups_clear },
	{ WORKER_STEP_SETNS, WHEN_CONTAINER, namespaces_join },
	{ WORKER_STEP_VERIFY, WHEN_ALWAYS, place_verify },
	{ WORKER_STEP_CHROOT, WHEN_CONTAINER, root_change },
	{ WORKER_STEP_CHROOT, WHEN_ALWAYS, directory_change },
	{ WORKER_STEP_LABEL, WHEN_CONTAINER, become_labelled },
	{ WORKER_STEP_SECCOMP, WHEN_FILTERED_WITH_POWER, container_filter },
	{ WORKER_STEP_IDS, WHEN_ALWAYS, become_ids },
	{ WORKER_STEP_CAPS, WHEN_ALWAYS, become_capabilities },
	{ WORKER_STEP_NNP, WHEN_ALWAYS, become_no_new_privs },
	{ WORKER_STEP_LIMITS, WHEN_ALWAYS, become_limits },
	{ WORKER_STEP_SECCOMP, WHEN_OURS, ours_filter },
	{ WORKER_STEP_SECCOMP, WHEN_FILTERED_UNSEEN, container_filter },
	{ WORKER_STEP_PIDNS, WHEN_SIBLING, sibling_bear },
	{ WORKER_STEP_VERIFY, WHEN_SIBLING, birthplace_verify },
	{ WORKER_STEP_VERIFY, WHEN_ANSWERING, upcall_fd_drop },
	{ WORKER_STEP_LIMITS, WHEN_ALWAYS, session_begin },
	{ WORKER_STEP_ATTACH, WHEN_ATTACHING, upcall_attach },
	{ WORKER_STEP_SECCOMP, WHEN_FILTERED_LAST, container_filter },
	{ WORKER_STEP_FDS, WHEN_ALWAYS, fds_finish },
	{ WORKER_STEP_EXEC, WHEN_VISITING, visit_begin },
	{ WORKER_STEP_EXEC, WHEN_ALWAYS, program_execute },
};

static bool step_applies(const struct step *step, const struct enter *enter)
{
	switch (step->when) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_CONTAINER:
		return enter->request->run_in == WORKER_RUN_IN_CONTAINER;
	case WHEN_SIBLING:
		return enter_has_sibling(enter->request);
	case WHEN_ATTACHING:
		return enter_attaches(enter);
	case WHEN_ANSWERING:
		return !enter_attaches(enter);
	case WHEN_VISITING:
		return worker_is_visit(enter->request->handler);
	case WHEN_OURS:
		return enter->exec_fd >= 0;
	case WHEN_FILTERED_WITH_POWER:
		return enter->profile->count && !enter->leader.no_new_privs;
	case WHEN_FILTERED_UNSEEN:
		return enter->profile->count && enter->leader.no_new_privs &&
		       enter_has_sibling(enter->request);
	case WHEN_FILTERED_LAST:
		return enter->profile->count && enter->leader.no_new_privs &&
		       !enter_has_sibling(enter->request);
	}
	return true;
}

_Noreturn void enter_run(struct enter *enter)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *step = &steps[i];
		int ret;

		if (!step_applies(step, enter))
			continue;
		ret = fault_at(step->step);
		if (ret == 0)
			ret = step->run(enter);
		if (ret < 0) {
			(void)report_send(enter->report_fd, REPORT_FAILED, step->step, -ret);
			break;
		}
	}
	_exit(EXIT_EXEC_FAILED);
}
