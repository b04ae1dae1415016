// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "process.h"
#include "text.h"

#define SMALL_FILE_SIZE 8192
#define PF_KTHREAD	0x00200000 /* of the kernel, and its word to procfs since ever */

/* At most room - 1 bytes, then a NUL; longer files are cut. */
static int read_small(const char *path, char *out, size_t room)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t used = 0;
	ssize_t count;

	if (fd < 0)
		return -errno;
	while (used < room - 1) {
		count = read(fd, out + used, room - 1 - used);
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		used += (size_t)count;
	}
	out[used] = '\0';
	return 0;
}

int read_line(const char *path, char *out, size_t room)
{
	int ret = read_small(path, out, room);

	if (ret >= 0)
		out[strcspn(out, "\n")] = '\0';
	return ret;
}

/* The rest of the line that begins with `prefix`, or NULL. Writes into text. */
static char *find_line(char *text, const char *prefix)
{
	size_t size = strlen(prefix);

	while (*text) {
		char *end = text + strcspn(text, "\n");
		bool last = !*end;

		*end = '\0';
		if (!strncmp(text, prefix, size))
			return text + size;
		if (last)
			break;
		text = end + 1;
	}
	return NULL;
}

int pidfd_pid(int pidfd, uint32_t *ret)
{
	char path[64], text[1024], *value;
	uint64_t pid;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	r = read_small(path, text, sizeof(text));
	if (r < 0)
		return r;
	value = find_line(text, "Pid:\t");
	if (!value)
		return -EBADF;
	/* -1: reaped; 0: of another pid namespace */
	if (text_number(value, 1, INT32_MAX, &pid) < 0)
		return -ESRCH;
	*ret = (uint32_t)pid;
	return 0;
}

bool pidfd_alive(int pidfd)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 0;
}

int pidfd_of(uint32_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);

	return fd < 0 ? -errno : fd;
}

/* Field number `field` of /proc/PID/stat, 4 or more and not the last, as proc(5) counts them. */
static int stat_field(uint32_t pid, unsigned int field, uint64_t max, uint64_t *ret)
{
	char path[64], text[1024], *at;
	size_t size;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	r = read_small(path, text, sizeof(text));
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	/* "PID (COMM) STATE PPID …": COMM may hold anything, also ")" */
	at = strrchr(text, ')');
	if (!at || strlen(at) < strlen(") S ") || at[1] != ' ' || at[3] != ' ')
		return -EBADMSG;
	at += strlen(") S ");
	for (; field > 4 && *at; field--) {
		at += strcspn(at, " ");
		at += *at == ' ';
	}
	size = strcspn(at, " ");
	/* or it goes on beyond what was read */
	if (!at[size])
		return -EBADMSG;
	at[size] = '\0';
	return text_number(at, 0, max, ret) < 0 ? -EBADMSG : 0;
}

int process_parent(uint32_t pid, uint32_t *ret)
{
	uint64_t parent;
	/* 0: of another pid namespace, or nobody's */
	int r = stat_field(pid, 4, INT32_MAX, &parent);

	if (r >= 0)
		*ret = (uint32_t)parent;
	return r;
}

bool process_is_kernel_thread(uint32_t pid)
{
	uint64_t flags;

	return stat_field(pid, 9, UINT32_MAX, &flags) >= 0 && flags & PF_KTHREAD;
}

/* Nanoseconds in a clock tick of procfs. */
static uint64_t tick(void)
{
	long ticks = sysconf(_SC_CLK_TCK);

	return UINT64_C(1000000000) / (uint64_t)(ticks > 0 ? ticks : 100);
}

uint64_t process_cut_time(uint64_t start_time)
{
	return start_time - start_time % tick();
}

int process_start_time(uint32_t pid, uint64_t *ret)
{
	uint64_t ticks;
	int r = stat_field(pid, 22, UINT64_MAX / tick(), &ticks);

	if (r >= 0)
		*ret = ticks * tick();
	return r;
}

/* Line by line: that of groups may be longer than all others. */
int process_status(uint32_t pid, struct process_status *ret)
{
	cleanup_file FILE *file = NULL;
	cleanup_free char *line = NULL;
	char path[64];
	unsigned int euid;
	bool has_euid = false, has_nested = false;
	size_t room = 0;

	(void)snprintf(path, sizeof(path), "/proc/%u/status", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!(has_euid && has_nested) && getline(&line, &room, file) >= 0) {
		if (sscanf(line, "Uid:\t%*u\t%u", &euid) == 1) {
			has_euid = true;
			ret->euid = euid;
		} else if (!strncmp(line, "NSpid:\t", 7)) {
			/* a number for each pid namespace that it is in, from ours on */
			has_nested = true;
			ret->nested = strchr(line + 7, '\t') != NULL;
		}
	}
	return has_euid && has_nested ? 0 : -ESRCH;
}

int process_namespaces(uint32_t pid, uint32_t ret[UPCALL_NS_COUNT])
{
	static const char *const names[UPCALL_NS_COUNT] = {
		[UPCALL_NS_PID] = "pid",   [UPCALL_NS_MNT] = "mnt",	  [UPCALL_NS_NET] = "net",
		[UPCALL_NS_USER] = "user", [UPCALL_NS_UTS] = "uts",	  [UPCALL_NS_IPC] = "ipc",
		[UPCALL_NS_TIME] = "time", [UPCALL_NS_CGROUP] = "cgroup",
	};

	for (unsigned int i = 0; i < UPCALL_NS_COUNT; i++) {
		char path[64];
		struct stat st = { 0 };

		(void)snprintf(path, sizeof(path), "/proc/%u/ns/%s", pid, names[i]);
		if (stat(path, &st) < 0 && errno != ENOENT)
			return -errno;
		ret[i] = (uint32_t)st.st_ino;
	}
	/* none is without that, so long as it is there */
	return ret[UPCALL_NS_MNT] ? 0 : -ESRCH;
}

int process_cgroup(uint32_t pid, char *out, size_t room)
{
	char path[64], text[SMALL_FILE_SIZE], *value;
	size_t size;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	r = read_small(path, text, sizeof(text));
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	value = find_line(text, "0::");
	if (!value || *value != '/')
		return -ENOENT;
	size = strlen(value);
	if (size >= room)
		return -ENAMETOOLONG;
	memcpy(out, value, size + 1);
	return 0;
}
