// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "hardening.h"
#include "host.h"
#include "process.h"
#include "text.h"

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
#define CORE_PIPE_LIMIT "/proc/sys/kernel/core_pipe_limit"

void host_read(struct host *host)
{
	char line[HOST_PATTERN_SIZE];
	uint64_t limit;

	*host = (struct host){ 0 };
	if (read_line(CORE_PATTERN, line, sizeof(line)) >= 0)
		text_escape(line, strlen(line), host->core_pattern, sizeof(host->core_pattern));
	if (read_line(CORE_PIPE_LIMIT, line, sizeof(line)) < 0)
		return;
	/* the kernel prints it as a signed number and compares it as an unsigned one */
	if (text_number(line, 0, INT32_MAX, &limit) < 0)
		limit = UINT32_MAX;
	host->core_pipe_limit = (uint32_t)limit;
}

static int warn(char ***warnings, const char *text)
{
	return strv_append(warnings, text, strlen(text));
}

int host_warnings(const struct host *host, char ***ret)
{
	char **warnings = NULL;
	const char *refusal = hardening_refusal();
	char text[512];
	int r = 0;

	if (refusal) {
		(void)snprintf(text, sizeof(text), "upcalls are refused: %s", refusal);
		r = warn(&warnings, text);
	}
	if (r < 0)
		return r;
	if (host->core_pattern[0] != '|') {
		(void)snprintf(
			text, sizeof(text),
			"kernel.core_pattern is '%s', no pipe, so there are no upcalls for core dumps: apt install systemd-coredump",
			host->core_pattern);
		r = warn(&warnings, text);
	} else if (!host->core_pipe_limit) {
		r = warn(
			&warnings,
			"kernel.core_pipe_limit is 0, so a container may be gone before its core is saved: sysctl kernel.core_pipe_limit=16");
	}
	if (r < 0) {
		strv_free(warnings);
		return r;
	}
	*ret = warnings;
	return 0;
}
