// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "report.h"

int report_open(int *ret_read, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

int report_send(int fd, enum report_kind kind, enum worker_step step, int value)
{
	const struct report report = { .kind = kind, .step = step, .value = value };
	ssize_t put;

	/* less than PIPE_BUF: whole or not at all */
	do
		put = write(fd, &report, sizeof(report));
	while (put < 0 && errno == EINTR);
	return put < 0 ? -errno : 0;
}

int report_receive(int fd, struct report *ret)
{
	struct report report;
	ssize_t got = read(fd, &report, sizeof(report));

	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (got == 0)
		return 0;
	if (got != sizeof(report) || report.step >= WORKER_STEP_COUNT || report.value < 0 ||
	    report.kind < REPORT_ATTACHED || report.kind > REPORT_FILTERED)
		return -EBADMSG;
	*ret = report;
	return 1;
}
