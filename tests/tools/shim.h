/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What test programs that speak to the module share. Most are of one file, so all of it is here. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "upcall.h"

static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

static inline void usage(const char *what)
{
	fprintf(stderr, "%s: bad usage: %s\n", program_invocation_short_name, what);
	exit(2);
}

static inline void pause_ms(unsigned int ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&pause, NULL);
}

static inline unsigned int ms_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned int)((now.tv_sec - then->tv_sec) * 1000 +
			      (now.tv_nsec - then->tv_nsec) / 1000000);
}

static inline int device_open(void)
{
	int fd = open(UPCALL_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die(UPCALL_DEVICE);
	return fd;
}

static inline unsigned int queue_read(int device, struct upcall_list_entry *entries,
				      unsigned int room)
{
	struct upcall_list list = { .entries = (unsigned long)entries, .room = room };

	if (ioctl(device, UPCALL_IOC_LIST, &list))
		die("list");
	return list.count;
}

/* Waits for the first of the queue. */
static inline void queue_first(int device, struct upcall_list_entry *entry)
{
	struct pollfd ready = { .fd = device, .events = POLLIN };

	if (poll(&ready, 1, -1) < 0 || queue_read(device, entry, 1) != 1)
		die("poll");
}

static inline void cgroup_enter(const char *cgroup)
{
	char path[300];
	int procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	procs = open(path, O_WRONLY | O_CLOEXEC);
	if (procs < 0 || write(procs, "0", 1) != 1)
		die(path);
	close(procs);
}

/* The caller's children are tasks of the container of @leader, below @cgroup. */
static inline void container_enter(pid_t leader, const char *cgroup)
{
	int place;

	cgroup_enter(cgroup);
	place = (int)syscall(SYS_pidfd_open, leader, 0);
	if (place < 0 || setns(place, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET))
		die("enter the container");
	close(place);
}

struct verb {
	const char *name;
	int (*run)(int device, char **argv);
};

static inline int verb_run(const struct verb *verbs, size_t count, int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < count; i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(device_open(), argv + 2);
	usage(argc > 1 ? argv[1] : "no verb");
	return 2;
}
