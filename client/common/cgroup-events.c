// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgroup-events.h"

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t deadline_in(int milliseconds)
{
	return milliseconds < 0 ? -1 : now_ms() + milliseconds;
}

int deadline_left(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = deadline - now_ms();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

static bool is_gone(int error)
{
	return error == ENOENT || error == ENODEV;
}

/* -ENODEV: the cgroup is no more. */
static int event_read(int file, const char *event)
{
	char text[256], line[64];
	ssize_t n;

	n = pread(file, text, sizeof(text) - 2, 0);
	if (n < 0)
		return is_gone(errno) ? -ENODEV : -errno;
	text[n] = '\0';
	snprintf(line, sizeof(line), "%s 1\n", event);
	return strstr(text, line) ? 1 : 0;
}

static int events_open(int dir)
{
	return openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
}

int cgroup_event(int dir, const char *event)
{
	int file, r;

	file = events_open(dir);
	if (file < 0)
		return is_gone(errno) ? 0 : -errno;
	r = event_read(file, event);
	close(file);
	return r == -ENODEV ? 0 : r;
}

/*
 * ORDER: reads before it waits: a change since the last read ends the wait at once. So may anything
 * else, for ever: it is the deadline that says when it is enough.
 */
int cgroup_file_wait(int file, const char *event, bool value, int64_t deadline)
{
	struct pollfd poller = { .fd = file, .events = POLLPRI };
	int r;

	for (;;) {
		r = event_read(file, event);
		if (r == value || (r == -ENODEV && !value))
			return 0;
		if (r < 0)
			return r;
		if (!deadline_left(deadline))
			return -ETIMEDOUT;
		if (poll(&poller, 1, deadline_left(deadline)) < 0 && errno != EINTR)
			return -errno;
	}
}

int cgroup_event_wait(int dir, const char *event, bool value, int64_t deadline)
{
	int file, r;

	file = events_open(dir);
	if (file < 0)
		return !is_gone(errno) ? -errno : value ? -ENODEV : 0;
	r = cgroup_file_wait(file, event, value, deadline);
	close(file);
	return r;
}

int cgroup_write(int dir, const char *file, const char *text)
{
	int fd, r = 0;

	fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}
