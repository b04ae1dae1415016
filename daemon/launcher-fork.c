// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workers as children of ours, where there is no systemd
 *
 * A socket pair instead of a listening socket: the worker gets its end as fd 3.
 * It ends by itself when idle; what is left of it is reaped when its pidfd says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanup.h"
#include "journal.h"
#include "launcher.h"
#include "list.h"
#include "priority.h"
#include "process.h"
#include "text.h"
#include "watch.h"
#include "worker.h"

#define WORKER_FD 3
/* At our own end: what a worker that has nothing to do gets to see that its socket is closed. */
#define GRACE_MS 1000
/* From SIGTERM to SIGKILL, for one that hangs or is stopped. */
#define KILL_SECONDS (WORKER_KILL_MS / 1000.)

struct launcher_fork {
	struct launcher launcher;
	struct ev_loop *loop;
	struct list children;
	char *path;
};

struct child {
	struct launcher_fork *fork;
	struct list link;
	struct watch watch;
	ev_timer kill; /* active: told to end */
	int pidfd;
	pid_t pid;
	char name[UPCALL_NAME_LEN];
};

static void child_free(struct child *child)
{
	watch_stop(&child->watch);
	ev_timer_stop(child->fork->loop, &child->kill);
	list_unlink(&child->link);
	close_keep_errno(child->pidfd);
	free(child);
}

static void reap(struct child *child)
{
	int status = 0;
	pid_t ended = waitpid(child->pid, &status, WNOHANG);

	/* it lives; the loop is not for waiting */
	if (!ended)
		return;
	if (ended == child->pid && WIFSIGNALED(status))
		journal_log(LOG_WARNING, "The worker of container %s was killed by signal %d",
			    child->name, WTERMSIG(status));
	child_free(child);
}

static void child_ended(struct watch *watch)
{
	reap(container_of(watch, struct child, watch));
}

static void signal_child(const struct child *child, int signal)
{
	(void)syscall(SYS_pidfd_send_signal, child->pidfd, signal, NULL, 0);
}

static void kill_child(struct ev_loop *loop, ev_timer *timer, int events)
{
	const struct child *child = container_of(timer, struct child, kill);

	journal_log(LOG_WARNING, "The worker of container %s does not end; killing it",
		    child->name);
	signal_child(child, SIGKILL);
}

/* ------------------------------------------------------------------- spawn */

/* -errno. The child has default signals, a group of its own and no fd but 0 to 3. */
static int spawn_with(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
		      const char *path, int socket, pid_t *ret)
{
	char *const argv[] = { (char *)(uintptr_t)path, (char[]){ "--connection-fd=3" }, NULL };
	char *const envp[] = { (char[]){ "PATH=/usr/sbin:/usr/bin" }, NULL };
	sigset_t all, none;
	int error;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, socket, WORKER_FD);
	if (!error)
		error = posix_spawnattr_setsigdefault(attributes, &all);
	if (!error)
		error = posix_spawnattr_setsigmask(attributes, &none);
	if (!error)
		error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF |
								     POSIX_SPAWN_SETSIGMASK |
								     POSIX_SPAWN_SETPGROUP);
	if (!error)
		error = posix_spawn(ret, path, actions, attributes, argv, envp);
	return -error;
}

static int spawn_worker(const char *path, int socket, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	error = posix_spawn_file_actions_init(&actions);
	if (error)
		return -error;
	error = posix_spawnattr_init(&attributes);
	if (!error) {
		error = -spawn_with(&actions, &attributes, path, socket, ret);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return -error;
}

static int fork_start(struct launcher *launcher, const char *name, struct launch_client *client,
		      struct launch **ret)
{
	struct launcher_fork *fork = container_of(launcher, struct launcher_fork, launcher);
	cleanup_free struct child *child = calloc(1, sizeof(*child));
	cleanup_fd int ours = -1, theirs = -1;
	int pair[2], r;

	if (!child)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	/* fd 3 in the child must not be its close-on-exec self */
	ours = pair[0];
	theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, WORKER_FD + 1);
	close_keep_errno(pair[1]);
	if (theirs < 0)
		return -errno;
	r = spawn_worker(fork->path, theirs, &child->pid);
	if (r < 0)
		return r;
	child->pidfd = pidfd_of((uint32_t)child->pid);
	child->fork = fork;
	text_copy(child->name, sizeof(child->name), name, strlen(name));
	if (child->pidfd < 0) {
		/* without it nobody would reap it */
		(void)kill(child->pid, SIGKILL);
		(void)waitpid(child->pid, NULL, 0);
		return child->pidfd;
	}
	watch_init(&child->watch, fork->loop, "a worker", child_ended, PRIORITY_DEFAULT);
	watch_start(&child->watch, child->pidfd, EV_READ);
	ev_timer_init(&child->kill, kill_child, KILL_SECONDS, 0.);
	list_append(&fork->children, &child->link);
	(void)take_ptr(child);
	return take_fd(&ours);
}

/* start() always answers at once. */
static void fork_cancel(struct launch *launch)
{
	(void)launch;
}

static void fork_stop(struct launcher *launcher, const char *name)
{
	struct launcher_fork *fork = container_of(launcher, struct launcher_fork, launcher);
	struct child *child;

	list_for_each_entry(child, &fork->children, link) {
		if (strcmp(child->name, name))
			continue;
		signal_child(child, SIGTERM);
		/* nothing if it runs: whoever asks again gives no new respite */
		ev_timer_start(fork->loop, &child->kill);
	}
}

static bool fork_busy(const struct launcher *launcher)
{
	return false;
}

/* --------------------------------------------------------------------- end */

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* All together get `ms` to end; or only those that are told to. */
static void wait_children(struct launcher_fork *fork, int ms, bool only_told)
{
	int64_t until = now_ms() + ms;
	struct child *child, *after;

	list_for_each_entry_safe(child, after, &fork->children, link) {
		struct pollfd ended = { .fd = child->pidfd, .events = POLLIN };
		int64_t left = until - now_ms();

		if (only_told && !ev_is_active(&child->kill))
			continue;
		if (poll(&ended, 1, left > 0 ? (int)left : 0) == 1)
			reap(child);
	}
}

/*
 * What runs goes on, as where PID 1 has started it: our end may be an upgrade. A worker whose
 * socket is closed ends by itself after its last handler.
 */
static struct launcher *fork_free(struct launcher *launcher)
{
	struct launcher_fork *fork = container_of(launcher, struct launcher_fork, launcher);
	struct child *child, *after;

	wait_children(fork, GRACE_MS, /* only_told= */ false);
	wait_children(fork, WORKER_END_MS, /* only_told= */ true);
	list_for_each_entry_safe(child, after, &fork->children, link) {
		/* told to end, and hangs: nobody else will look */
		if (ev_is_active(&child->kill))
			signal_child(child, SIGKILL);
		child_free(child);
	}
	free(fork->path);
	free(fork);
	return NULL;
}

static const struct launcher_vtable vtable = {
	.name = "fork",
	.start = fork_start,
	.cancel = fork_cancel,
	.stop = fork_stop,
	.busy = fork_busy,
	.free = fork_free,
};

struct launcher *launcher_fork_new(struct ev_loop *loop, const char *worker_path)
{
	struct launcher_fork *fork = calloc(1, sizeof(*fork));

	if (!fork)
		return NULL;
	fork->path = strdup(worker_path);
	if (!fork->path) {
		free(fork);
		return NULL;
	}
	fork->launcher.vtable = &vtable;
	fork->loop = loop;
	list_init(&fork->children);
	return &fork->launcher;
}
