// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "fds.h"

int fds_lift(int *const *kept, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int lifted;

		if (*kept[i] < 0 || *kept[i] >= FDS_FIRST_CONTROL)
			continue;
		lifted = fcntl(*kept[i], F_DUPFD_CLOEXEC, FDS_FIRST_CONTROL);
		if (lifted < 0)
			return -errno;
		*kept[i] = lifted;
	}
	return 0;
}

/* The lowest kept fd that is not below `first`, or -1. */
static int kept_from(int first, int *const *kept, size_t count)
{
	int lowest = -1;

	for (size_t i = 0; i < count; i++)
		if (*kept[i] >= first && (lowest < 0 || *kept[i] < lowest))
			lowest = *kept[i];
	return lowest;
}

int fds_close_others(int first, int *const *kept, size_t count)
{
	int next;

	while ((next = kept_from(first, kept, count)) >= 0) {
		if (next > first && close_range((unsigned int)first, (unsigned int)next - 1, 0) < 0)
			return -errno;
		first = next + 1;
	}
	return close_range((unsigned int)first, UINT_MAX, 0) < 0 ? -errno : 0;
}
