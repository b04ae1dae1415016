// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup-events.h"
#include "cgroup.h"
#include "cleanup.h"
#include "holder.h"
#include "process.h"
#include "text.h"

#define START_MS 10000
#define END_MS	 5000 /* nothing that is killed takes longer */

/* Between us, who are one program: its words are where they were. */
struct said {
	int error;
	pid_t pid;
	const char *what;
};

struct child {
	const struct holder_start *start;
	int cgroup;  /* not for it */
	int go[2];   /* sockets; the second end is the child's, as of */
	int said[2]; /* this one */
};

/* --------------------------------------------------------------- the child */

/*
 * Who has started us says so when the container is registered; if he cannot any more, it is not.
 * Nothing else of his stays open: he may be read from until its end, and it may be long.
 */
static _Noreturn void hold(int go)
{
	char word;

	if (dup2(go, 0) < 0)
		_exit(1);
	(void)close_range(1, ~0U, 0);
	if (read(0, &word, 1) != 1)
		_exit(0);
	(void)close(0);
	for (;;)
		(void)pause();
}

/* Whoever reads what the starter prints would wait for us, too. */
static int leave_output(void)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return -errno;
	return 0;
}

/* Everybody may read the command line of everybody: it names paths of the host's. */
static void words_erase(char **argv)
{
	for (size_t i = 0; argv[i]; i++)
		memset(argv[i], 0, strlen(argv[i]));
}

/* ORDER: nothing of the container's has been joined, nor are we among its users. */
static int leave_the_starter(const char **ret)
{
	*ret = "/dev/null";
	if (leave_output() < 0)
		return -errno;
	*ret = "its directory";
	if (chdir("/") < 0)
		return -errno;
	/* whatever his keys lead to is not the container's */
	*ret = "no session keyring";
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ? -errno : 0;
}

/*
 * What is in a pid namespace is a child of who has joined it. RACE: he stays until all is done by
 * its pid, or somebody else could have that by then.
 */
static _Noreturn void child_run(const struct child *child)
{
	struct said said = { 0 };

	close_keep_errno(child->go[0]);
	close_keep_errno(child->said[0]);
	close_keep_errno(child->cgroup);
	(void)setsid();
	(void)prctl(PR_SET_NAME, HOLDER_NAME);
	said.error = leave_the_starter(&said.what);
	if (said.error >= 0)
		said.error = joins_enter(child->start->joins, &said.what);
	/* what it says of them is in our starter's memory, too */
	words_erase(child->start->argv);
	if (said.error >= 0) {
		said.what = "no process in its pid namespace";
		said.pid = fork();
		if (said.pid == 0)
			hold(child->go[1]);
		said.error = said.pid < 0 ? -errno : 0;
	}
	(void)!write(child->said[1], &said, sizeof(said));
	/* nothing is ever said there, so it ends with our starter's end */
	(void)!read(child->said[1], &said, sizeof(said));
	_exit(0);
}

/* -------------------------------------------------------------- the parent */

static int cgroup_put(const struct holder *holder, pid_t pid)
{
	cleanup_fd int leaf = openat(holder->cgroup, holder->leaf,
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char text[16];

	if (leaf < 0)
		return -errno;
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	return cgroup_write(leaf, "cgroup.procs", text);
}

/* ATTACK: whoever may stop the child, or freeze it, would else have us wait for ever. */
static int listen_to_child(struct holder *holder, int said_fd, const char **ret)
{
	struct pollfd said_poll = { .fd = said_fd, .events = POLLIN };
	struct said said;
	int r;

	*ret = "its process";
	r = poll(&said_poll, 1, START_MS);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	if (read(said_fd, &said, sizeof(said)) != sizeof(said))
		return -ECHILD;
	*ret = said.what;
	if (said.error < 0)
		return said.error;
	holder->pidfd = pidfd_open(said.pid, 0);
	*ret = "its cgroup";
	return holder->pidfd < 0 ? -errno : cgroup_put(holder, said.pid);
}

static int fork_holder(struct holder *holder, struct child *child, const char **ret)
{
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_run(child);
	/* or we would not see that it ends without a word */
	child->said[1] = close_keep_errno(child->said[1]);
	r = listen_to_child(holder, child->said[0], ret);
	/* ORDER: it is waited for last, as long as it is there its child's pid is */
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

/* Above the three that the child replaces, whatever of them is closed here. */
static int sockets_make(int ends[2])
{
	int made[2], r = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, made) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		ends[i] = fcntl(made[i], F_DUPFD_CLOEXEC, 3);
		r = ends[i] < 0 ? -errno : r;
		close_keep_errno(made[i]);
	}
	return r;
}

static int start_process(struct holder *holder, const struct holder_start *start, const char **ret)
{
	struct child child = {
		.start = start, .cgroup = holder->cgroup, .go = { -1, -1 }, .said = { -1, -1 }
	};
	int r;

	*ret = "its process";
	r = sockets_make(child.go);
	holder->go = child.go[0];
	if (r >= 0)
		r = sockets_make(child.said);
	if (r >= 0)
		r = fork_holder(holder, &child, ret);
	close_keep_errno(child.go[1]);
	close_keep_errno(child.said[0]);
	close_keep_errno(child.said[1]);
	return r;
}

static int cgroup_begin(struct holder *holder, const char *name, const char *cgroup)
{
	char path[CGROUP_PATH_MAX + 1];
	uint64_t id;
	int r;

	r = cgroup_normalize(cgroup, path, sizeof(path));
	if (r >= 0)
		r = cgroup_id(path, &id);
	if (r >= 0)
		r = cgroup_open(path);
	if (r < 0)
		return r;
	holder->cgroup = r;
	(void)snprintf(holder->leaf, sizeof(holder->leaf), HOLDER_NAME "-%.63s", name);
	holder->made = mkdirat(holder->cgroup, holder->leaf, 0755) == 0;
	/* one is left where somebody has killed the holder, and the cgroup is there yet */
	return !holder->made && errno != EEXIST ? -errno : 0;
}

int holder_start(struct holder *holder, const struct holder_start *start, const char **ret)
{
	int r = cgroup_begin(holder, start->name, start->cgroup);

	if (r < 0) {
		*ret = start->cgroup;
		return r;
	}
	return start_process(holder, start, ret);
}

void holder_close(struct holder *holder)
{
	holder->pidfd = close_keep_errno(holder->pidfd);
	holder->go = close_keep_errno(holder->go);
	holder->cgroup = close_keep_errno(holder->cgroup);
}

int holder_keep(struct holder *holder)
{
	int r = send(holder->go, "1", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;

	if (r >= 0)
		holder_close(holder);
	return r;
}

/* Handlers live below their leader's. Of those that have ended, the cgroups may be left. */
static void leaves_remove(int dir)
{
	cleanup_dir DIR *leaves = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 0));
	const struct dirent *leaf;

	while (leaves && (leaf = readdir(leaves)))
		if (leaf->d_type == DT_DIR && *leaf->d_name != '.')
			(void)unlinkat(dir, leaf->d_name, AT_REMOVEDIR);
}

static int cgroup_end(struct holder *holder)
{
	cleanup_fd int leaf = openat(holder->cgroup, holder->leaf,
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (leaf < 0)
		return errno == ENOENT ? 0 : -errno;
	r = cgroup_event_wait(leaf, "populated", false, deadline_in(END_MS));
	/* a handler's may be empty for the moment in which it is made */
	if (r < 0)
		return r == -ETIMEDOUT ? -EBUSY : r;
	leaves_remove(leaf);
	return unlinkat(holder->cgroup, holder->leaf, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int holder_end(struct holder *holder)
{
	int r = 0;

	if (holder->pidfd >= 0)
		(void)pidfd_send_signal(holder->pidfd, SIGKILL, NULL, 0);
	if (holder->made)
		r = cgroup_end(holder);
	holder_close(holder);
	return r;
}

/* ---------------------------------------------------------------- finding */

static bool has_our_name(uint32_t pid)
{
	char path[32], name[sizeof(HOLDER_NAME) + 1];

	(void)snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	return read_line(path, name, sizeof(name)) >= 0 && !strcmp(name, HOLDER_NAME);
}

/* A user's container has his number before its name, which he need not have said. */
static const char *without_uid(const struct upcall_entry *entry)
{
	char prefix[16];
	size_t size = (size_t)snprintf(prefix, sizeof(prefix), "%u-", entry->uid);

	return entry->uid && !strncmp(entry->name, prefix, size) ? entry->name + size : entry->name;
}

static bool find_leaf(struct holder *holder, const char *name)
{
	struct stat found;

	(void)snprintf(holder->leaf, sizeof(holder->leaf), HOLDER_NAME "-%.63s", name);
	holder->made = fstatat(holder->cgroup, holder->leaf, &found, AT_SYMLINK_NOFOLLOW) == 0;
	return holder->made;
}

/*
 * The one above the process that is shown so, byte for byte: what upcalld says of it has \xNN for
 * what is not ASCII, and that may be a name as well. Who has it may have moved the process to
 * another one there.
 */
static bool find_above(uint32_t pid, const char *shown, char path[static CGROUP_PATH_MAX + 2])
{
	char text[4 * CGROUP_PATH_MAX + 1], *end;

	if (process_cgroup(pid, path, CGROUP_PATH_MAX + 2) < 0)
		return false;
	while ((end = strrchr(path, '/')) && end > path) {
		*end = '\0';
		text_show(path + 1, strlen(path + 1), text, sizeof(text));
		if (!strcmp(text, shown))
			return true;
	}
	return false;
}

/*
 * ATTACK: a container's first process can have all that makes it look so. Then its container is
 * one that gets killed when it is unregistered.
 */
void holder_find(struct holder *holder, const struct upcall_entry *entry)
{
	cleanup_fd int pidfd = pidfd_open((pid_t)entry->leader, 0);
	char path[CGROUP_PATH_MAX + 2];
	bool lives;

	if (!*entry->cgroup)
		return;
	lives = pidfd >= 0 && has_our_name(entry->leader) &&
		find_above(entry->leader, entry->cgroup, path);
	/* of one who has ended there is no more than what is shown */
	holder->cgroup = cgroup_open(lives ? path + 1 : entry->cgroup);
	if (holder->cgroup < 0)
		return;
	if (!find_leaf(holder, without_uid(entry)) && !find_leaf(holder, entry->name)) {
		holder_close(holder);
		return;
	}
	if (lives)
		holder->pidfd = take_fd(&pidfd);
}
