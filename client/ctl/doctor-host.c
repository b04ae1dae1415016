// SPDX-License-Identifier: GPL-2.0-or-later
/* upcallctl doctor: settings of the machine that upcalls depend on */
#include <stdio.h>
#include <string.h>

#include "doctor.h"

#define COREDUMP_CONF "/usr/lib/sysctl.d/50-coredump.conf"

static const struct finding_kind core_pattern_file = {
	"core-pattern-file", "the kernel makes an upcall of a core dump only for a pipe"
};
static const struct finding_kind core_pipe_limit = {
	"core-pipe-limit",
	"the kernel does not wait, and a container may be gone before its core is saved"
};
static const struct finding_kind suid_dumpable = {
	"suid-dumpable", "any user could read what workers hold: upcalls of containers are refused"
};
static const struct finding_kind modprobe_path = {
	"modprobe-path", "the kernel runs this program as root for each module that it misses"
};
static const struct finding_kind modprobe_off = {
	"modprobe-off", "no module is loaded on request, whatever Allow= in a policy says"
};
static const struct finding_kind helpers_bset = {
	"usermodehelper-bset",
	"handlers get no capability that is not in it, and it cannot be widened again"
};
static const struct finding_kind helpers_off = { "usermodehelper-off",
						 "this kernel makes no upcalls at all" };
static const struct finding_kind helpers_static = {
	"usermodehelper-static",
	"the kernel names this program in every upcall: a rule without Handler= would run it"
};

/* ------------------------------------------------------------------- cores */

/* A machine whose policies name no cores is not ill without a pipe. */
void check_cores(struct doctor *doctor)
{
	void (*say)(struct doctor *, const struct finding_kind *, const char *, const char *,
		    const char *, ...) = doctor_wants(doctor, UPCALL_CLASS_CORE) ? found : noted;
	char line[256];

	doctor_line(doctor, "/proc/sys/kernel/core_pattern", line, sizeof(line));
	if (line[0] != '|') {
		say(doctor, &core_pattern_file, "",
		    doctor_exists(doctor, COREDUMP_CONF) ? "sysctl -p " COREDUMP_CONF :
							   "apt install systemd-coredump",
		    "kernel.core_pattern is '%s', no pipe", line);
		return;
	}
	doctor_line(doctor, "/proc/sys/kernel/core_pipe_limit", line, sizeof(line));
	if (!strcmp(line, "0"))
		say(doctor, &core_pipe_limit, "", "sysctl kernel.core_pipe_limit=16",
		    "kernel.core_pipe_limit is 0");
}

void check_suid_dumpable(struct doctor *doctor)
{
	char line[32];

	doctor_line(doctor, "/proc/sys/fs/suid_dumpable", line, sizeof(line));
	if (!strcmp(line, "1"))
		found(doctor, &suid_dumpable, "", "sysctl fs.suid_dumpable=2",
		      "fs.suid_dumpable is 1");
}

/* ---------------------------------------------------------------- modprobe */

void check_modprobe(struct doctor *doctor)
{
	static const char mend[] = "sysctl kernel.modprobe=/sbin/modprobe";
	char line[256];

	/* built without modules that load on request */
	if (!doctor_exists(doctor, "/proc/sys/kernel/modprobe"))
		return;
	doctor_line(doctor, "/proc/sys/kernel/modprobe", line, sizeof(line));
	if (!*line && doctor_wants(doctor, UPCALL_CLASS_MODULE))
		found(doctor, &modprobe_off, "", mend, "kernel.modprobe is empty");
	else if (!*line)
		noted(doctor, &modprobe_off, "", mend, "kernel.modprobe is empty");
	else if (strcmp(line, "/sbin/modprobe") != 0 && strcmp(line, "/usr/sbin/modprobe") != 0)
		found(doctor, &modprobe_path, "", mend,
		      "kernel.modprobe is '%s', not /sbin/modprobe", line);
}

/* ----------------------------------------------------------------- helpers */

static void check_static_helper(struct doctor *doctor)
{
	char path[DOCTOR_PATH];

	(void)snprintf(path, sizeof(path), "/boot/config-%s", doctor->release);
	if (doctor_grep(doctor, path, "CONFIG_STATIC_USERMODEHELPER=y", false) != 1)
		return;
	if (doctor_grep(doctor, path, "CONFIG_STATIC_USERMODEHELPER_PATH=\"\"", false) == 1)
		found(doctor, &helpers_off, "", doctor_kernel_command(doctor),
		      "the kernel is built with STATIC_USERMODEHELPER and no path");
	else
		noted(doctor, &helpers_static, "", doctor_kernel_command(doctor),
		      "the kernel is built with STATIC_USERMODEHELPER");
}

void check_helpers(struct doctor *doctor)
{
	char line[64];

	doctor_line(doctor, "/proc/sys/kernel/usermodehelper/bset", line, sizeof(line));
	if (*line && strspn(line, "0 \t") == strlen(line))
		found(doctor, &helpers_bset, "", "reboot", "kernel.usermodehelper.bset is empty");
	check_static_helper(doctor);
}
