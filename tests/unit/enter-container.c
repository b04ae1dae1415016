// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enter-container.h"
#include "upcall.h"

#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)
#define OWN_NS                                                                                    \
	(1u << UPCALL_NS_USER | 1u << UPCALL_NS_PID | 1u << UPCALL_NS_MNT | 1u << UPCALL_NS_NET | \
	 1u << UPCALL_NS_UTS | 1u << UPCALL_NS_IPC)

struct enter_container container = { .own_ns = OWN_NS, .out = "/tmp/upcall-enter-XXXXXX" };

static void (*leader_forget)(void);
static void (*leader_prepare)(void);
static void (*leader_live)(void);
static unsigned long leader_namespaces = NAMESPACES;
static int leader_ids;	      /* first id inside */
static bool leader_is_bound;  /* no new privileges, few capabilities */
static bool cgroups_are_ours; /* mounted by us */

void file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* -------------------------------------------------------------------- leader */

static void map_put(const char *name)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", container.leader, name);
	snprintf(text, sizeof(text), "%d %d 1000", leader_ids, ID_FIRST);
	file_put(path, text);
}

/* CAP_KILL is 5, CAP_SETPCAP 8. */
static int leader_settle(void)
{
	uid_t id = (uid_t)leader_ids;

	for (int i = 0; leader_is_bound && i < 64; i++)
		if (i != 5 && prctl(PR_CAPBSET_READ, i) == 1 && prctl(PR_CAPBSET_DROP, i) < 0)
			return -1;
	if (leader_is_bound && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	if (setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		return -1;
	if (leader_prepare)
		leader_prepare();
	return 0;
}

void container_life(void (*prepare)(void), void (*live)(void))
{
	leader_prepare = prepare;
	leader_live = live;
}

void container_own_user_ns(bool own)
{
	leader_namespaces = own ? NAMESPACES : NAMESPACES & ~(unsigned long)CLONE_NEWUSER;
	container.own_ns = own ? OWN_NS : OWN_NS & ~(1u << UPCALL_NS_USER);
}

void leader_start(void)
{
	int ready = eventfd(0, EFD_CLOEXEC), settled = eventfd(0, EFD_CLOEXEC);
	uint64_t go = 1;
	char path[128], pid[16];

	container.leader =
		(pid_t)syscall(SYS_clone, leader_namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
	assert_true(container.leader >= 0);
	if (container.leader == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* or what is in a connection that is closed would stay */
		leader_forget();
		if (read(ready, &go, sizeof(go)) == sizeof(go) && leader_settle() == 0 &&
		    write(settled, &go, sizeof(go)) == sizeof(go))
			for (;;)
				leader_live ? leader_live() : (void)pause();
		_exit(1);
	}
	if (leader_namespaces & CLONE_NEWUSER) {
		map_put("uid_map");
		map_put("gid_map");
	}
	snprintf(path, sizeof(path), "%s/cgroup.procs", container.boundary);
	snprintf(pid, sizeof(pid), "%d", container.leader);
	file_put(path, pid);
	assert_int_equal(write(ready, &go, sizeof(go)), sizeof(go));
	assert_int_equal(read(settled, &go, sizeof(go)), sizeof(go));
	close(ready);
	close(settled);
}

void leader_replace(int ids, bool bound)
{
	kill(container.leader, SIGKILL);
	waitpid(container.leader, NULL, 0);
	leader_ids = ids;
	leader_is_bound = bound;
	leader_start();
}

/* -------------------------------------------------------------------- cgroup */

/* A chroot has /proc and /dev, and often nothing in /sys. */
static const char *cgroups_find(void)
{
	static const char *const places[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	char path[64];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", places[i]);
		if (access(path, F_OK) == 0)
			return places[i];
	}
	(void)mkdir("/sys/fs", 0755);
	(void)mkdir(places[1], 0755);
	if (mount("cgroup2", places[1], "cgroup2", 0, NULL) < 0)
		fail_msg("no cgroup2 to be found or mounted: %s", strerror(errno));
	cgroups_are_ours = true;
	return places[1];
}

/* The kernel makes none for who is in a chroot. */
static bool user_namespaces_work(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

int container_make(void)
{
	const char *cgroups;
	struct stat status;

	if (!mkdtemp(container.out) || chmod(container.out, 0777) < 0)
		return -1;
	cgroups = cgroups_find();
	snprintf(container.boundary_name, sizeof(container.boundary_name), "test-%d", getpid());
	snprintf(container.boundary, sizeof(container.boundary), "%s/%s", cgroups,
		 container.boundary_name);
	if (mkdir(container.boundary, 0755) < 0 || stat(container.boundary, &status) < 0)
		return -1;
	container.boundary_id = status.st_ino;
	return 0;
}

void container_start(void (*forget)(void))
{
	leader_forget = forget;
	container.has_user_ns = user_namespaces_work();
	if (!container.has_user_ns)
		container_own_user_ns(false);
	leader_start();
}

int container_remove(void)
{
	char command[64];

	/* run after a set-up that failed, too: kill(0) would be us and who started us */
	if (container.leader > 0 && kill(container.leader, SIGKILL) == 0)
		waitpid(container.leader, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", container.out);
	if (system(command) != 0)
		return -1;
	/* fails where a leaf was left */
	if (rmdir(container.boundary) < 0)
		return -1;
	return cgroups_are_ours ? umount("/sys/fs/cgroup") : 0;
}
