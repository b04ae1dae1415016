// SPDX-License-Identifier: GPL-2.0-or-later
#include "step.h"

static const char *const steps[WORKER_STEP_COUNT] = {
	[WORKER_STEP_NONE] = "",	   [WORKER_STEP_REQUEST] = "request",
	[WORKER_STEP_INFO] = "info",	   [WORKER_STEP_LEADER] = "leader",
	[WORKER_STEP_ROOT] = "root",	   [WORKER_STEP_STATUS] = "status",
	[WORKER_STEP_SECCOMP] = "seccomp", [WORKER_STEP_CGROUP] = "cgroup",
	[WORKER_STEP_PIDNS] = "pidns",	   [WORKER_STEP_FORK] = "fork",
	[WORKER_STEP_GROUPS] = "groups",   [WORKER_STEP_SETNS] = "setns",
	[WORKER_STEP_VERIFY] = "verify",   [WORKER_STEP_CHROOT] = "chroot",
	[WORKER_STEP_LABEL] = "label",	   [WORKER_STEP_IDS] = "ids",
	[WORKER_STEP_CAPS] = "caps",	   [WORKER_STEP_NNP] = "nnp",
	[WORKER_STEP_LIMITS] = "limits",   [WORKER_STEP_FDS] = "fds",
	[WORKER_STEP_ATTACH] = "attach",   [WORKER_STEP_EXEC] = "exec",
	[WORKER_STEP_READ] = "read",	   [WORKER_STEP_INSTANTIATE] = "instantiate",
};

const char *step_name(uint32_t step)
{
	return step < WORKER_STEP_COUNT && steps[step] ? steps[step] : "unknown";
}
